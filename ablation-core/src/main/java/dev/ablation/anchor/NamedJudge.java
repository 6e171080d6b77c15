package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;

/**
 * A judge with a name.
 *
 * @param name name for provenance
 * @param judge the judge
 */
record NamedJudge(String name, AnchorJudge judge) implements AnchorJudge {
  NamedJudge {
    Preconditions.checkArgument(!name.isBlank(), "name of a judge must not be blank");
  }

  @Override
  public boolean showsTarget(BufferedImage image, String prompt) {
    return judge.showsTarget(image, prompt);
  }

  @Override
  public String toString() {
    return name;
  }
}
