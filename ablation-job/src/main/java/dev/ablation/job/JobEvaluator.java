package dev.ablation.job;

import dev.ablation.djl.clip.Clip;
import dev.ablation.emoji.EmbeddedEvaluator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What recognises concepts in images, if anything does.
 *
 * @param embedded the emoji model's evaluator
 * @param clip any CLIP
 * @param found what sessions with the same model and evaluator share
 */
record JobEvaluator(@Nullable EmbeddedEvaluator embedded, @Nullable Clip clip, JobFound found) {

  /** The hash of the weights. */
  Optional<String> sha256() {
    return encoder().map(network -> network.info().sha256());
  }

  Optional<Clip> encoder() {
    return Optional.ofNullable(embedded != null ? embedded.clip() : clip);
  }
}
