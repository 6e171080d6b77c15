package dev.ablation.job.internal;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How files write the constants of enums: in lower case, with hyphens. */
public final class Names {
  private Names() {}

  /**
   * Names a constant.
   *
   * @param constant of an enum
   * @return such as {@code "memorized-image"}
   */
  public static String of(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static List<String> ofEnum(Class<?> type) {
    return Arrays.stream(type.getEnumConstants()).map(each -> of((Enum<?>) each)).toList();
  }
}
