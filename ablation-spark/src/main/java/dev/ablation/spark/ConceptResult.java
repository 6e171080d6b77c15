package dev.ablation.spark;

import java.io.Serializable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of a job: a row of the table of results.
 *
 * @param concept what was to be removed, and from what
 * @param hashes of what was computed
 * @param judgement verdicts and scores
 * @param cost what it took
 * @param error why the job has no result; {@code null} if it has one
 */
public record ConceptResult(
    Identity concept, Hashes hashes, Judgement judgement, Cost cost, @Nullable String error)
    implements Serializable {

  /** {@return whether there is a result, and it meets every limit of its job} */
  public boolean accepted() {
    return error == null && judgement.accepted();
  }

  ConceptResult together(Map<String, Score> scores) {
    return new ConceptResult(
        concept,
        hashes,
        new Judgement(judgement.accepted(), judgement.verdicts(), judgement.scores(), scores),
        cost,
        error);
  }

  ConceptResult failed(String reason) {
    return new ConceptResult(concept, hashes, judgement, cost, reason);
  }

  /**
   * A job.
   *
   * @param job hash of the job, under which its evidence lies
   * @param request that it answers; {@code null} if it names none
   * @param targets names of what is removed
   * @param model where the model is
   * @param evidence folder of the evidence, if there is a result
   */
  public record Identity(
      String job, @Nullable String request, List<String> targets, String model, String evidence)
      implements Serializable {

    /** Copies the list. */
    public Identity {
      targets = List.copyOf(targets);
    }
  }

  /**
   * Hashes; {@code null} where there is no result.
   *
   * @param base SHA-256 of the base model's weights
   * @param delta SHA-256 of the delta's file
   * @param library version of this library
   */
  public record Hashes(@Nullable String base, @Nullable String delta, String library)
      implements Serializable {}

  /**
   * What was measured.
   *
   * @param accepted whether every limit of the job is met
   * @param verdicts one for each limit, in words
   * @param scores by measure, see {@link dev.ablation.job.AcceptanceLimit}: {@code UA}, {@code
   *     IRA}, {@code CRA}, {@code recovered}
   * @param together the same with the deltas of all jobs applied together; empty if they were not
   *     merged
   */
  public record Judgement(
      boolean accepted,
      List<String> verdicts,
      Map<String, Score> scores,
      Map<String, Score> together)
      implements Serializable {

    /** Copies the collections. */
    public Judgement {
      verdicts = List.copyOf(verdicts);
      scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
      together = Collections.unmodifiableMap(new LinkedHashMap<>(together));
    }

    static Judgement none() {
      return new Judgement(false, List.of(), Map.of(), Map.of());
    }

    /**
     * Finds what the other deltas do to this one.
     *
     * @return in words; empty if nothing got worse, or the deltas were not merged
     */
    public List<String> interference() {
      return together.entrySet().stream()
          .filter(each -> {
            Score alone = scores.get(each.getKey());
            return alone != null && each.getValue().value() < alone.value();
          })
          .map(each ->
              switch (each.getKey()) {
                case "UA" -> "the target comes back in some images";
                case "IRA" -> "neighbours suffer";
                default -> "other domains suffer";
              })
          .toList();
    }
  }

  /**
   * A share.
   *
   * @param value in percent
   * @param low end of the 95 % interval; {@code null} if there is none
   * @param high end of the 95 % interval; {@code null} if there is none
   */
  public record Score(double value, @Nullable Double low, @Nullable Double high)
      implements Serializable {}

  /**
   * What a job took.
   *
   * @param trainSeconds of training, since it was resumed
   * @param evaluationSeconds of all parts of the evaluation together
   * @param memory increase of peak memory by training, in bytes; negative if it is not known
   * @param resumedAt step from whose checkpoint training went on; 0 if it was not interrupted
   * @param executor that trained
   */
  public record Cost(
      double trainSeconds, double evaluationSeconds, long memory, int resumedAt, String executor)
      implements Serializable {
    static Cost none(String executor) {
      return new Cost(0, 0, -1, 0, executor);
    }
  }
}
