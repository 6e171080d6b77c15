package dev.ablation.job.internal;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

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
    static Key of(String text) {
      String[] parts = text.split("[=.]", -1);
      return new Key(parts[0], parts[1], parts[2]);
    }
  }
}
