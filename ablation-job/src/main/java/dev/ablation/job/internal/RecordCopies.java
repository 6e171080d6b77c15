package dev.ablation.job.internal;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Copies of records in which components have other values. */
public final class RecordCopies {

  /** Replaces a value. */
  @FunctionalInterface
  public interface Replacement {
    /**
     * Replaces a value.
     *
     * @param component its name
     * @param value of the record
     * @return of the copy
     */
    @Nullable Object of(String component, @Nullable Object value);
  }

  private RecordCopies() {}

  /**
   * Copies a record with another value of one component.
   *
   * @param record any
   * @param component its name
   * @param value of the component's type
   * @param <T> type of the record
   * @return the copy
   * @throws IllegalArgumentException if the record has no such component
   */
  public static <T extends Record> T with(T record, String component, @Nullable Object value) {
    if (Arrays.stream(record.getClass().getRecordComponents())
        .noneMatch(each -> each.getName().equals(component))) {
      throw new IllegalArgumentException(
          "%s has no component '%s'".formatted(record.getClass().getSimpleName(), component));
    }
    return map(record, (name, old) -> name.equals(component) ? value : old);
  }

  /**
   * Copies a record.
   *
   * @param record any
   * @param replacement of each value
   * @param <T> type of the record
   * @return the copy
   */
  public static <T extends Record> T map(T record, Replacement replacement) {
    RecordComponent[] components = record.getClass().getRecordComponents();
    @Nullable Object[] values = new Object[components.length];
    try {
      for (int i = 0; i < components.length; i++) {
        Method accessor = components[i].getAccessor();
        accessor.setAccessible(true);
        values[i] = replacement.of(components[i].getName(), accessor.invoke(record));
      }
      Constructor<?> constructor =
          record
              .getClass()
              .getDeclaredConstructor(
                  Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      @SuppressWarnings("unchecked") // a record's copy has its type
      T copy = (T) constructor.newInstance(values);
      return copy;
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw refused;
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(record.getClass() + " cannot be copied", e);
    }
  }
}
