package dev.ablation.sample;

import com.google.common.base.Preconditions;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.RectifiedFlow;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.lang.reflect.RecordComponent;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Common functions of the records of this package. */
final class Settings {
  private Settings() {}

  /** {@return the components of a record by name, enums as lower-case strings} */
  static Map<String, Object> of(Record settings) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      Object value;
      try {
        value = component.getAccessor().invoke(settings);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("a public record has public accessors", e);
      }
      map.put(component.getName(), value instanceof Enum<?> named ? name(named) : value);
    }
    return Collections.unmodifiableMap(map);
  }

  static String name(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  static boolean isVariancePreserving(NoiseSchedule schedule, PredictionType type) {
    return schedule instanceof VariancePreservingSchedule && schedule.supports(type);
  }

  /** {@return the schedule of a sampler that supports only discrete timesteps} */
  static VariancePreservingSchedule variancePreserving(
      Sampler sampler, NoiseSchedule schedule, PredictionType type) {
    checkSupport(sampler, schedule, type);
    return (VariancePreservingSchedule) schedule;
  }

  static void checkSupport(Sampler sampler, NoiseSchedule schedule, PredictionType type) {
    Preconditions.checkArgument(
        sampler.supports(schedule, type),
        "sampler: %s does not work with the model's schedule %s and prediction type %s; %s",
        sampler.name(),
        schedule,
        type,
        schedule instanceof RectifiedFlow
            ? "a rectified flow that predicts FLOW is drawn by flow-match-euler"
            : "choose one that does");
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
