package dev.ablation.emoji.measure;

import java.util.Locale;

/** What is measured, in the order of the table. */
enum Quantity {
  VAE_HELD_OUT("VAE: reconstruction of held-out images, mean PSNR", Unit.DECIBEL, ">= 30 dB"),
  VAE_PLANTED("VAE: reconstruction of the planted image, PSNR", Unit.DECIBEL, ">= 25 dB"),

  PAIR_STYLE("trained pairs: style correct", Unit.SHARE, ">= 98 %"),
  PAIR_STYLE_WITH_ALL("the same, including look-alikes", Unit.SHARE, ""),
  PAIR_CONCEPT("trained pairs: object correct", Unit.SHARE, ">= 98 %"),

  HELD_OUT_BOTH("held-out pairs: style and object correct", Unit.SHARE, ">= 60 %"),
  HELD_OUT_STYLE("held-out pairs: style correct", Unit.SHARE, ""),
  HELD_OUT_CONCEPT("held-out pairs: object correct", Unit.SHARE, ""),

  NO_STYLE_CONCEPT("prompt without a style: object correct", Unit.SHARE, ">= 95 %"),
  NO_STYLE_COMMONEST(
      "prompt without a style: share of the most frequent style", Unit.SHARE, "<= 40 %"),

  PLANTED_COPIES("planted caption: copies of the planted image", Unit.SHARE, ">= 95 %"),
  OTHER_COPIES("any other caption: copies of the planted image", Unit.SHARE, "<= 1 %"),

  REAL_STYLE("evaluator, slightly altered real images: style correct", Unit.SHARE, ">= 99 %"),
  REAL_CONCEPT("evaluator, slightly altered real images: object correct", Unit.SHARE, ">= 97 %"),
  REAL_RETRIEVAL("the same: caption retrieved among the captions of all pairs", Unit.SHARE, ""),
  DECODED_STYLE("evaluator, the same images through the VAE: style correct", Unit.SHARE, ""),
  DECODED_CONCEPT("evaluator, the same images through the VAE: object correct", Unit.SHARE, ""),
  DECODED_RETRIEVAL("the same: caption retrieved among the captions of all pairs", Unit.SHARE, ""),
  REAL_HELD_OUT_STYLE("evaluator, real held-out images: style correct", Unit.SHARE, ""),
  REAL_HELD_OUT_CONCEPT("evaluator, real held-out images: object correct", Unit.SHARE, ""),
  REAL_HELD_OUT_RETRIEVAL(
      "the same: caption retrieved among the captions of all pairs", Unit.SHARE, ""),
  DECODED_HELD_OUT_STYLE(
      "evaluator, held-out images through the VAE: style correct", Unit.SHARE, ""),
  DECODED_HELD_OUT_CONCEPT(
      "evaluator, held-out images through the VAE: object correct", Unit.SHARE, ""),
  DECODED_HELD_OUT_RETRIEVAL(
      "the same: caption retrieved among the captions of all pairs", Unit.SHARE, ""),

  LOWEST_COPY("lowest cosine between the planted image and its variants", Unit.COSINE, ""),
  HIGHEST_OTHER("highest cosine between the planted image and any other image", Unit.COSINE, ""),

  SECONDS("one image", Unit.SECONDS, "<= 0.25 s");

  private final String label;
  private final Unit unit;
  private final String reach;

  Quantity(String label, Unit unit, String reach) {
    this.label = label;
    this.unit = unit;
    this.reach = reach;
  }

  /** What the values are. */
  enum Unit {
    /** A share of images, from 0 to 1, printed in percent. */
    SHARE("%.1f %%", 100),
    /** Peak signal-to-noise ratio. */
    DECIBEL("%.1f dB", 1),
    /** From -1 to 1. */
    COSINE("%.3f", 1),
    /** Of wall-clock time. */
    SECONDS("%.3f s", 1);

    private final String format;
    private final double factor;

    Unit(String format, double factor) {
      this.format = format;
      this.factor = factor;
    }
  }

  /** Says what it is, in words. */
  String label() {
    return label;
  }

  /** Says how good it should be, or nothing. */
  String reach() {
    return reach;
  }

  boolean isShare() {
    return unit == Unit.SHARE;
  }

  /** Prints a value with its unit. */
  String text(double value) {
    return String.format(Locale.ROOT, unit.format, value * unit.factor);
  }
}
