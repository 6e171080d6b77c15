package dev.ablation.sample;

import com.google.common.base.Preconditions;
import java.lang.reflect.RecordComponent;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What the records of this package do with their components. */
final class Settings {
  private Settings() {}

  /** Returns the components of a record by name, enums as lower-case strings. */
  static Map<String, Object> of(Record settings) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      Object value;
      try {
        value = component.getAccessor().invoke(settings);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("a public record has public accessors", e);
      }
      boolean named = value instanceof Enum<?>;
      map.put(
          component.getName(), named ? ((Enum<?>) value).name().toLowerCase(Locale.ROOT) : value);
    }
    return Collections.unmodifiableMap(map);
  }

  static void checkOffset(int stepsOffset) {
    Preconditions.checkArgument(
        stepsOffset >= 0, "stepsOffset must not be negative, was %s", stepsOffset);
  }

  static void checkOrder(int order) {
    Preconditions.checkArgument(order >= 1 && order <= 3, "order must be 1, 2 or 3, was %s", order);
  }

  static void checkClipRange(double clipRange) {
    Preconditions.checkArgument(
        clipRange >= 0 && Double.isFinite(clipRange),
        "clipRange must be finite and not negative, was %s",
        clipRange);
  }
}
