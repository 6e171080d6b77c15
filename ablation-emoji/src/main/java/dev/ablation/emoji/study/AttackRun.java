package dev.ablation.emoji.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import dev.ablation.metric.MetricResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What one removal kept, and what the attacks on it brought back.
 *
 * @param target as the command line has it
 * @param method its name; {@link #BASE} and {@link #CONTROL} are models without a removal
 * @param seed of removal and attacks
 * @param kept what the model draws when it is asked; null if the removal failed
 * @param attacks label to what came back, in the order in which they were made
 * @param failures label to what went wrong
 */
record AttackRun(
    String target,
    String method,
    long seed,
    @Nullable Kept kept,
    Map<String, Shares> attacks,
    Map<String, String> failures) {
  /** The method of the model before any removal. */
  static final String BASE = "base model";

  /** The method of the model that never knew the target. */
  static final String CONTROL = "control";

  /** The label under which a removal fails. */
  static final String REMOVAL = "removal";

  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  AttackRun {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(method, "method");
    attacks = Collections.unmodifiableMap(new LinkedHashMap<>(attacks));
    failures = Collections.unmodifiableMap(new LinkedHashMap<>(failures));
  }

  /**
   * What a model draws when it is asked.
   *
   * @param scores UA, IRA, CRA by the evaluator
   * @param nearest the same by the nearest image of the data
   * @param step whose weights were taken; 0 without training
   * @param seconds of the removal, its images included
   * @param memory bytes by which the removal raised the process's memory at its peak; 0 if they
   *     cannot be measured
   * @param peak bytes of the process at the peak of the removal, model and judges included; 0 if
   *     the system does not tell the peak since its beginning
   */
  record Kept(Scores scores, Scores nearest, int step, double seconds, long memory, long peak) {}

  /**
   * The shares of an attack's images that show the target.
   *
   * @param evaluator by the embedded evaluator
   * @param nearest by the nearest image of the data
   * @param images of each model
   * @param seconds of the attack
   * @param file with everything else that is known of it
   */
  record Shares(ByModel evaluator, ByModel nearest, int images, double seconds, String file) {
    static Shares of(AttackResult result, Path file) {
      return new Shares(
          ByModel.of(result.judged().get(0)),
          ByModel.of(result.judged().get(1)),
          Objects.requireNonNull(result.recovered().ablated().counts().get("images")),
          result.elapsed().toMillis() / 1000.0,
          String.valueOf(file.getFileName()));
    }

    /**
     * Whether the attack draws the target from a model that has it, by both judges: an attack that
     * follows the evaluator's gradient may please it alone.
     */
    boolean isEvidence() {
      return evaluator.isEvidence() && nearest.isEvidence();
    }
  }

  /**
   * One judge's shares.
   *
   * @param base of the base model's images, drawn with the first of the seeds
   * @param ablated of the ablated model's
   * @param control of the control's, drawn with the first of the seeds
   */
  record ByModel(@Nullable Double base, double ablated, @Nullable Double control) {
    static ByModel of(Recovery recovery) {
      return new ByModel(
          value(recovery.base()), recovery.ablated().value(), value(recovery.control()));
    }

    private boolean isEvidence() {
      return base != null && base >= Recovery.EVIDENCE;
    }

    private static @Nullable Double value(@Nullable MetricResult share) {
      return share == null ? null : share.value();
    }
  }

  static AttackRun of(StudyTarget target, String method, long seed, @Nullable Kept kept) {
    return new AttackRun(target.toString(), method, seed, kept, Map.of(), Map.of());
  }

  AttackRun with(String label, Shares found) {
    Map<String, Shares> more = new LinkedHashMap<>(attacks);
    more.put(label, found);
    Map<String, String> less = new LinkedHashMap<>(failures);
    less.remove(label);
    return new AttackRun(target, method, seed, kept, more, less);
  }

  AttackRun failed(String label, String reason) {
    Map<String, Shares> less = new LinkedHashMap<>(attacks);
    less.remove(label);
    Map<String, String> more = new LinkedHashMap<>(failures);
    more.put(label, reason);
    return new AttackRun(target, method, seed, kept, less, more);
  }

  /** The name of a run's files, without their ending. */
  static String name(StudyTarget target, String method, long seed) {
    return StudyResult.slug(target + "--" + method + "--seed-" + seed);
  }

  static AttackRun read(Path file) throws IOException {
    return FileReading.of(
        file,
        () -> {
          AttackRun run = JSON.fromJson(TextFile.read(file), AttackRun.class);
          if (run == null) {
            throw new IOException(file + ": is not a run of the study");
          }
          return run;
        });
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }
}
