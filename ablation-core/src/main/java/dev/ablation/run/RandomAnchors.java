package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import java.util.List;
import java.util.Map;

/**
 * Random latents in place of an anchor's.
 *
 * @param like the anchor
 * @param used a prompt for each of the latents
 * @param latents (n, C, H, W)
 */
record RandomAnchors(AnchorStrategy like, List<String> used, NDArray latents)
    implements AnchorStrategy {
  @Override
  public String name() {
    return like.name();
  }

  @Override
  public List<String> prompts(Concept target) {
    return used;
  }

  @Override
  public int images() {
    return used.size();
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context) {
    return new AnchorSet(latents, used);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    return like.settings(target);
  }
}
