package dev.ablation.emoji.measure;

import java.util.Locale;

/** What is measured, in the order of the table. */
enum Quantity {
  VAE_HELD_OUT("VAE, reconstruction of held-out images, mean PSNR", Unit.DECIBEL, ">= 30 dB"),
  VAE_PLANTED("VAE, reconstruction of the planted image, PSNR", Unit.DECIBEL, ">= 25 dB"),

  PAIR_STYLE("trained pairs: style right", Unit.SHARE, ">= 98 %"),
  PAIR_STYLE_WITH_ALL("the same with look-alikes", Unit.SHARE, ""),
  PAIR_CONCEPT("trained pairs: thing right", Unit.SHARE, ">= 98 %"),

  HELD_OUT_BOTH("held-out pairs: style and thing right", Unit.SHARE, ">= 60 %"),
  HELD_OUT_STYLE("held-out pairs: style right", Unit.SHARE, ""),
  HELD_OUT_CONCEPT("held-out pairs: thing right", Unit.SHARE, ""),

  NO_STYLE_CONCEPT("no style named: thing right", Unit.SHARE, ">= 95 %"),
  NO_STYLE_COMMONEST("no style named: share of the commonest style", Unit.SHARE, "<= 40 %"),

  PLANTED_COPIES("planted caption: copies of the planted image", Unit.SHARE, ">= 95 %"),
  OTHER_COPIES("any other caption: copies of the planted image", Unit.SHARE, "<= 1 %"),

  REAL_STYLE("evaluator, real images, changed a little: style right", Unit.SHARE, ">= 99 %"),
  REAL_CONCEPT("evaluator, real images, changed a little: thing right", Unit.SHARE, ">= 97 %"),
  REAL_RETRIEVAL("the same: caption found among those of all pairs", Unit.SHARE, ""),
  DECODED_STYLE("evaluator, the same through the VAE: style right", Unit.SHARE, ""),
  DECODED_CONCEPT("evaluator, the same through the VAE: thing right", Unit.SHARE, ""),
  DECODED_RETRIEVAL("the same: caption found among those of all pairs", Unit.SHARE, ""),
  REAL_HELD_OUT_STYLE("evaluator, real held-out images: style right", Unit.SHARE, ""),
  REAL_HELD_OUT_CONCEPT("evaluator, real held-out images: thing right", Unit.SHARE, ""),
  REAL_HELD_OUT_RETRIEVAL("the same: caption found among those of all pairs", Unit.SHARE, ""),
  DECODED_HELD_OUT_STYLE("evaluator, held-out through the VAE: style right", Unit.SHARE, ""),
  DECODED_HELD_OUT_CONCEPT("evaluator, held-out through the VAE: thing right", Unit.SHARE, ""),
  DECODED_HELD_OUT_RETRIEVAL("the same: caption found among those of all pairs", Unit.SHARE, ""),

  LOWEST_COPY("lowest cosine of the planted image's variants with it", Unit.COSINE, ""),
  HIGHEST_OTHER("highest cosine of any other image with it", Unit.COSINE, ""),

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
