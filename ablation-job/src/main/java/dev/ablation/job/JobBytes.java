package dev.ablation.job;

import dev.ablation.job.internal.TextForm;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number of bytes.
 *
 * @param count positive
 */
@TextForm(pattern = "^\\d+(\\.\\d+)? ?([kKMGT]i?)?B$")
public record JobBytes(long count) {
  private static final Pattern TEXT =
      Pattern.compile("(\\d{1,9}(?:\\.\\d{1,6})?) ?([kKMGT]?)(i?)B");
  private static final List<String> UNITS = List.of("", "k", "M", "G", "T");

  /** Checks the range. */
  public JobBytes {
    if (count <= 0) {
      throw new IllegalArgumentException("bytes must be positive, were " + count);
    }
  }

  /**
   * Parses a number of bytes.
   *
   * @param text such as {@code "8 GiB"} or {@code "500 MB"}
   * @return the number
   * @throws IllegalArgumentException if the text is no such number
   */
  public static JobBytes parse(String text) {
    Matcher found = TEXT.matcher(text.strip());
    if (!found.matches()) {
      throw new IllegalArgumentException(
          "must be bytes such as '8 GiB' or '500 MB', was '%s'".formatted(text));
    }
    int power = UNITS.indexOf(found.group(2).replace('K', 'k'));
    double unit = Math.pow(found.group(3).isEmpty() ? 1000 : 1024, power);
    return new JobBytes(Math.round(Double.parseDouble(found.group(1)) * unit));
  }

  @Override
  public String toString() {
    for (int power = UNITS.size() - 1; power > 0; power--) {
      long unit = 1L << (10 * power);
      if (count % unit == 0) {
        return "%d %siB".formatted(count / unit, UNITS.get(power)).replace("kiB", "KiB");
      }
    }
    return String.format(Locale.ROOT, "%d B", count);
  }
}
