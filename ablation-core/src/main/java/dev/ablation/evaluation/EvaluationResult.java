package dev.ablation.evaluation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The result of an evaluation, with everything needed to repeat it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluation-result"}
 *
 * @param settings the protocol's settings: sampler, steps, guidance scale, seed, counts; in order
 * @param subjects results for targets, anchors, neighbours and unrelated prompts
 * @param attacks results of the attacks; may be empty
 * @param elapsed duration of the evaluation
 */
@CheckReturnValue
public record EvaluationResult(
    Map<String, String> settings,
    List<SubjectResult> subjects,
    List<AttackResult> attacks,
    Duration elapsed) {
  /** What the names of settings begin with that tell of an attack that could not be made. */
  static final String LEFT_OUT = "attack left out: ";

  /** Copies the collections. */
  public EvaluationResult {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    subjects = List.copyOf(subjects);
    attacks = List.copyOf(attacks);
    Objects.requireNonNull(elapsed, "elapsed");
  }

  /**
   * Returns the results for subjects of a role.
   *
   * @param role the role, such as {@link Role#NEIGHBOUR}
   * @return the results; empty if there are none
   */
  public List<SubjectResult> of(Role role) {
    return subjects.stream().filter(each -> each.subject().role() == role).toList();
  }

  /**
   * Returns how far the images of a role's subjects moved, see {@link SubjectMetric#pixelChange()}.
   * Where a target moved no further than its neighbours, nothing was removed.
   *
   * @param role the role, such as {@link Role#TARGET}
   * @return mean squared change of pixels from 0 to 1, averaged over the subjects; empty if it was
   *     not measured
   */
  public OptionalDouble pixelChange(Role role) {
    return of(role).stream()
        .flatMap(subject -> subject.metrics().stream())
        .filter(each -> each.metric().equals(PixelChange.NAME))
        .mapToDouble(each -> each.ablated().value())
        .average();
  }

  /**
   * Returns the attacks that were wanted but could not be made.
   *
   * @return from their names to the reasons; empty if there are none
   */
  public Map<String, String> attacksLeftOut() {
    Map<String, String> leftOut = new LinkedHashMap<>();
    settings.forEach((name, value) -> {
      if (name.startsWith(LEFT_OUT)) {
        leftOut.put(name.substring(LEFT_OUT.length()), value);
      }
    });
    return leftOut;
  }

  /**
   * Computes one number from what was measured: the harmonic mean of what was removed and of what
   * was kept.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="score"}
   *
   * @return the score with its parts; empty if the share of the target's images that show it was
   *     not measured, or nothing that should be kept
   */
  public Optional<ErasureScore> score() {
    return ErasureScore.of(this);
  }

  /**
   * Adds results of attacks.
   *
   * @param more the results to append
   * @return a copy with the results appended
   */
  public EvaluationResult attacks(List<AttackResult> more) {
    List<AttackResult> all = new ArrayList<>(attacks);
    all.addAll(more);
    return new EvaluationResult(settings, subjects, all, elapsed);
  }

  /**
   * Returns the result as JSON of the schema {@code dev.ablation.evaluation/1}: settings, subjects
   * with all metrics, attacks, the score. It contains the number of images, but not the images.
   *
   * @return the JSON text, with line breaks
   */
  public String toJson() {
    return EvaluationJson.write(this);
  }

  /**
   * Parses the output of {@link #toJson()}.
   *
   * @param text the JSON text
   * @return the result, without images
   * @throws IllegalArgumentException if the text is not such JSON; the message says what is wrong
   *     and where
   */
  public static EvaluationResult fromJson(String text) {
    return EvaluationJson.read(text);
  }

  /**
   * Writes {@link #toJson()} to a file atomically.
   *
   * @param file the file, replaced if it exists; its folder must exist
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    AtomicFiles.writeString(file, AtomicFiles.Existing.REPLACE, toJson());
  }

  /**
   * Reads a file that {@link #write} wrote.
   *
   * @param file the JSON file
   * @return the result, without images
   * @throws IOException if the file cannot be read or has another form; the message names it
   */
  public static EvaluationResult read(Path file) throws IOException {
    String text = TextFile.read(file);
    return FileReading.of(file, () -> fromJson(text));
  }

  /** {@return a table of each metric of each subject, before and after the ablation} */
  @Override
  public String toString() {
    return EvaluationTable.of(this);
  }
}
