package dev.ablation.spark;

import dev.ablation.evaluation.EvaluationPart;
import java.io.IOException;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * What was measured of a job's evaluation, to be reduced.
 *
 * @param part an {@link EvaluationPart}; {@code null} if nothing was measured
 * @param error why it failed; {@code null} if it did not
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Measured(byte @Nullable [] part, @Nullable String error) implements Serializable {
  static final Measured NOTHING = new Measured(null, null);

  static Measured of(EvaluationPart part) {
    return new Measured(part.toBytes(), null);
  }

  static Measured failed(String error) {
    return new Measured(null, error);
  }

  /** The first failure wins. */
  Measured merge(Measured other) {
    byte[] own = part;
    byte[] more = other.part;
    if (error != null || (more == null && other.error == null)) {
      return this;
    }
    if (own == null || more == null) {
      return other;
    }
    try {
      return of(EvaluationPart.fromBytes(own).merge(EvaluationPart.fromBytes(more)));
    } catch (IOException | IllegalArgumentException e) {
      return failed("the parts of the evaluation do not fit: " + e.getMessage());
    }
  }
}
