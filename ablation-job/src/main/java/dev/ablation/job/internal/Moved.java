package dev.ablation.job.internal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;

/** Keys of earlier versions that are components of another component now. They are read as that. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Moved {
  /** {@return each as {@code old=component.key}} */
  String[] value();

  /**
   * A moved key.
   *
   * @param old its name before
   * @param component that has it now
   * @param key its name there
   */
  record Key(String old, String component, String key) {
    /** The moved keys of a record. */
    static List<Key> of(Class<?> type) {
      Moved moved = type.getAnnotation(Moved.class);
      return moved == null ? List.of() : Arrays.stream(moved.value()).map(Key::parsed).toList();
    }

    private static Key parsed(String text) {
      String[] parts = text.split("[=.]", -1);
      return new Key(parts[0], parts[1], parts[2]);
    }

    /** The type of the component that has it now. */
    Class<?> holder(Class<?> type) {
      return of(type, component).getType();
    }

    /** The key as it is now. */
    RecordComponent now(Class<?> type) {
      return of(holder(type), key);
    }

    private static RecordComponent of(Class<?> type, String name) {
      return Arrays.stream(type.getRecordComponents())
          .filter(each -> each.getName().equals(name))
          .findFirst()
          .orElseThrow(() -> new IllegalStateException(type + " has no component " + name));
    }
  }
}
