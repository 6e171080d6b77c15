package dev.ablation.evaluation;

import dev.ablation.internal.AtomicFiles;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What an evaluation found, with everything that is needed to repeat it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluation-result"}
 *
 * @param settings of the protocol: sampler, steps, guidance scale, seed, counts; in order
 * @param subjects target, anchor, neighbours, unrelated prompts
 * @param attacks attempts to bring the target back; perhaps none
 * @param elapsed how long it took
 */
public record EvaluationResult(
    Map<String, String> settings,
    List<SubjectResult> subjects,
    List<AttackResult> attacks,
    Duration elapsed) {

  /** Copies the collections. */
  public EvaluationResult {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    subjects = List.copyOf(subjects);
    attacks = List.copyOf(attacks);
    Objects.requireNonNull(elapsed, "elapsed");
  }

  /**
   * Returns the subjects of a role.
   *
   * @param role such as {@link Role#NEIGHBOUR}
   * @return the subjects; empty if there are none
   */
  public List<SubjectResult> of(Role role) {
    return subjects.stream().filter(each -> each.subject().role() == role).toList();
  }

  /**
   * Adds what attacks found.
   *
   * @param more follow those that the result has
   * @return a changed copy
   */
  public EvaluationResult attacks(List<AttackResult> more) {
    List<AttackResult> all = new ArrayList<>(attacks);
    all.addAll(more);
    return new EvaluationResult(settings, subjects, all, elapsed);
  }

  /**
   * Returns the result as JSON of the schema {@code dev.ablation.evaluation/1}: settings, subjects
   * with all metrics, attacks. Images are not in it, but how many were drawn.
   *
   * @return the text, with line breaks
   */
  public String toJson() {
    return EvaluationJson.write(this);
  }

  /**
   * Reads what {@link #toJson()} wrote.
   *
   * @param text JSON
   * @return the result without images
   * @throws IllegalArgumentException if the text is something else; the message says what and where
   */
  public static EvaluationResult fromJson(String text) {
    return EvaluationJson.read(text);
  }

  /**
   * Writes {@link #toJson()} to a file, which appears whole or not at all.
   *
   * @param file replaced if it exists; its folder must exist
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    AtomicFiles.writeString(file, AtomicFiles.Existing.REPLACE, toJson());
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param file JSON
   * @return the result without images
   * @throws IOException if the file cannot be read or is something else; the message names it
   */
  public static EvaluationResult read(Path file) throws IOException {
    try {
      return fromJson(Files.readString(file));
    } catch (IllegalArgumentException | CharacterCodingException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  /** {@return a table: each metric of each subject, before and after} */
  @Override
  public String toString() {
    return EvaluationTable.of(this);
  }
}
