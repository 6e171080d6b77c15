package dev.ablation.job.internal;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as people write them. */
public final class Durations {
  private static final Pattern WORDS = Pattern.compile("(\\d{1,9}) ?(s|min|h|d)");

  private Durations() {}

  /**
   * Parses a duration.
   *
   * @param text such as {@code "90 s"}, {@code "30 min"}, {@code "2 h"}, {@code "1 d"}, or of ISO
   *     8601 such as {@code "PT1H30M"}
   * @return the duration, positive
   * @throws IllegalArgumentException if the text is no positive duration
   */
  public static Duration parse(String text) {
    Matcher words = WORDS.matcher(text.strip());
    Duration duration = Duration.ZERO;
    if (words.matches()) {
      long count = Long.parseLong(words.group(1));
      duration =
          switch (words.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "min" -> Duration.ofMinutes(count);
            case "h" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
          };
    } else {
      try {
        duration = Duration.parse(text.strip());
      } catch (DateTimeParseException e) {
        // Said below.
      }
    }
    if (duration.isZero() || duration.isNegative()) {
      throw new IllegalArgumentException(
          "must be a duration such as '90 s', '30 min', '2 h' or 'PT1H30M', was '%s'"
              .formatted(text));
    }
    return duration;
  }
}
