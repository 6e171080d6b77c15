package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Neighbours that are found by themselves: the nearest names by text embeddings, those of the
 * model's own text encoder and of the evaluator, and by embeddings of drawn images.
 *
 * @param count how many of each target
 * @param among names that are searched. Default: the concepts of {@code preserve}, else the emoji
 *     model's own, else built-in ones
 * @param images images of each of the 24 names that are nearest by texts, which are compared, too.
 *     Default: none
 */
@Shorthand("count")
@CheckReturnValue
public record JobNearest(
    @Described(value = "How many of each target.", required = true, positive = true) Integer count,
    @Described(
            "Names that are searched. Default: the concepts of `preserve`, else the emoji model's own, else built-in ones.")
        List<String> among,
    @Described(
            value =
                "Images of each of the 24 names that are nearest by texts, which are compared, too. Default: none.",
            positive = true)
        @Nullable Integer images) {

  /** Copies the names. */
  public JobNearest {
    among = among == null ? List.of() : List.copyOf(among);
  }

  /**
   * Searches the default names by texts.
   *
   * @param count how many of each target
   * @return the search
   */
  public static JobNearest of(int count) {
    return new JobNearest(count, List.of(), null);
  }
}
