package dev.ablation.emoji.dataset;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Images of the data set that look the same at a glance. Some sets draw some objects nearly alike,
 * so that no judge can recognize the style; and some draw two objects nearly alike.
 *
 * <p>Two images are look-alikes if the mean absolute difference of their pixels, averaged two by
 * two, is at most {@link #MAX_DIFFERENCE} of 255 <em>and</em> their correlation is at least {@link
 * #MIN_CORRELATION}: small pale objects differ little in the mean whatever they show, and objects
 * of one shape and different colours correlate.
 *
 * @param styles pairs of one object in two styles, by object
 * @param concepts pairs of two objects in one style, by style
 */
public record LookAlikes(List<Pair> styles, List<Pair> concepts) {
  /** Largest mean absolute difference of look-alikes, of 255. */
  public static final double MAX_DIFFERENCE = 9;

  /** Smallest correlation of look-alikes. */
  public static final double MIN_CORRELATION = 0.9;

  private static final double HALF_RANGE = 127.5;

  /** Copies the lists. */
  public LookAlikes {
    styles = List.copyOf(styles);
    concepts = List.copyOf(concepts);
  }

  /**
   * Two images that look alike.
   *
   * @param one an image
   * @param other another one
   * @param difference mean absolute difference of the averaged pixels, of 255
   * @param correlation of the averaged pixels, of all channels together
   */
  public record Pair(EmojiImage one, EmojiImage other, double difference, double correlation) {}

  /**
   * Looks for them.
   *
   * @param data the images
   * @return all that there are
   */
  public static LookAlikes of(EmojiDataSet data) {
    List<EmojiImage> images = data.images();
    List<float[]> features =
        images.stream().map(image -> NearestImage.features(image.pixels())).toList();
    List<Pair> sameThing = new ArrayList<>();
    List<Pair> sameStyle = new ArrayList<>();
    for (int i = 0; i < images.size(); i++) {
      for (int k = i + 1; k < images.size(); k++) {
        EmojiImage one = images.get(i);
        EmojiImage other = images.get(k);
        boolean thing = one.concept().equals(other.concept());
        if (thing == one.style().equals(other.style())) {
          continue;
        }
        double difference = difference(features.get(i), features.get(k));
        if (difference <= MAX_DIFFERENCE) {
          double correlation = correlation(features.get(i), features.get(k));
          if (correlation >= MIN_CORRELATION) {
            (thing ? sameThing : sameStyle).add(new Pair(one, other, difference, correlation));
          }
        }
      }
    }
    return new LookAlikes(sameThing, sameStyle);
  }

  /**
   * Returns the images whose style cannot be recognized.
   *
   * @return object and style of both images of each of {@link #styles()}
   */
  public Set<DataSetIndex.Pair> withoutTellingStyle() {
    Set<DataSetIndex.Pair> pairs = new HashSet<>();
    for (Pair pair : styles) {
      pairs.add(named(pair.one()));
      pairs.add(named(pair.other()));
    }
    return pairs;
  }

  private static DataSetIndex.Pair named(EmojiImage image) {
    return new DataSetIndex.Pair(image.concept().name(), image.style());
  }

  /** Returns the difference, or some value above the limit once it is above. */
  private static double difference(float[] a, float[] b) {
    double limit = MAX_DIFFERENCE / HALF_RANGE * a.length;
    double sum = 0;
    for (int i = 0; i < a.length && sum <= limit; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum / a.length * HALF_RANGE;
  }

  private static double correlation(float[] a, float[] b) {
    double meanA = mean(a);
    double meanB = mean(b);
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      product += (a[i] - meanA) * (b[i] - meanB);
      squaresA += (a[i] - meanA) * (a[i] - meanA);
      squaresB += (b[i] - meanB) * (b[i] - meanB);
    }
    double norms = Math.sqrt(squaresA * squaresB);
    return norms == 0 ? 0 : product / norms;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }
}
