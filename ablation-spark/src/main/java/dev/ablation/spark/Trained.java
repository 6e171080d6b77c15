package dev.ablation.spark;

import dev.ablation.evaluation.EvaluationSlice;
import dev.ablation.internal.AtomicFiles.Existing;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of the training of a job.
 *
 * @param hash of the job
 * @param error why it failed; {@code null} if it did not
 * @param base hash of the base model's weights
 * @param slices of the evaluation; none if there is no evaluation
 * @param cost what it took
 */
record Trained(
    String hash,
    @Nullable String error,
    @Nullable String base,
    List<Slice> slices,
    ConceptResult.Cost cost)
    implements Serializable {
  /**
   * An {@link EvaluationSlice} that Spark can send.
   *
   * @param attack whether it is an attack
   * @param index of the subject or attack
   * @param first index of its first image
   * @param end after its last image
   */
  record Slice(boolean attack, int index, int first, int end) implements Serializable {
    static Slice of(EvaluationSlice slice) {
      return new Slice(slice.attack(), slice.index(), slice.first(), slice.end());
    }

    EvaluationSlice slice() {
      return new EvaluationSlice(attack, index, first, end);
    }

    /** {@return a name for files} */
    String name() {
      return (attack ? "attack-" + index : "%d-%d-%d".formatted(index, first, end));
    }
  }

  static Trained failed(Task task, String error, String executor) {
    return new Trained(task.hash(), error, null, List.of(), ConceptResult.Cost.none(executor));
  }

  void write(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    RecordFile.write(file, Existing.REPLACE, this);
  }

  static Trained read(Path file) throws IOException {
    return RecordFile.read(
        file,
        Trained.class,
        read -> read.hash != null && read.slices != null && read.cost != null,
        "the record of a training");
  }
}
