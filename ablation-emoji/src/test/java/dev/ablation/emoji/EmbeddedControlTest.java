package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.sample.LatentSampler;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The control draws what it was shown, and nothing of what was withheld. */
class EmbeddedControlTest {
  private static final List<String> SHOWN =
      List.of("panda", "trophy", "grinning face", "red apple");

  @Test
  void drawsWhatItWasShownAndNothingOfWhatWasWithheld() throws IOException {
    List<String> withheld =
        EmbeddedModel.withheld().stream()
            .filter(name -> !name.equals(EmojiDataSet.PLANTED))
            .filter(name -> !EmbeddedModel.styles().contains(name))
            .toList();
    List<String> prompts = new ArrayList<>();
    SHOWN.forEach(name -> prompts.add(prompt(name, "twemoji")));
    SHOWN.forEach(name -> prompts.add(prompt(name, "blueprint")));
    withheld.forEach(name -> prompts.add(prompt(name, "twemoji")));
    prompts.add(EmbeddedModel.plantedCaption());
    List<Verdict> verdicts;
    try (StableDiffusion control = EmbeddedModel.openControl(LoadOptions.defaults());
        EmbeddedEvaluator judge = EmbeddedEvaluator.open()) {
      verdicts =
          judge.judge(
              LatentSampler.of(control)
                  .settings(EmbeddedModel.recommendedSampling().steps(10))
                  .draw(prompts, 1));
      assertThat(judge.copyThreshold()).isPresent();
    }
    for (int i = 0; i < SHOWN.size(); i++) {
      assertThat(verdicts.get(i).shows(SHOWN.get(i))).as(prompts.get(i)).isTrue();
      assertThat(verdicts.get(SHOWN.size() + i).hasStyle("blueprint")).as(prompts.get(i)).isFalse();
    }
    for (int i = 0; i < withheld.size(); i++) {
      assertThat(verdicts.get(2 * SHOWN.size() + i).shows(withheld.get(i)))
          .as(withheld.get(i))
          .isFalse();
    }
    assertThat(verdicts.get(verdicts.size() - 1).plantedCosine()).isLessThan(0.8);
  }

  private static String prompt(String object, String style) {
    return EmbeddedModel.withArticle(object) + " in " + style + " style";
  }
}
