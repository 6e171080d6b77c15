package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.anchor.PromptSource;
import dev.ablation.concept.Concept;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.memorized.CopyRate;
import dev.ablation.memorized.MemorizationSurvey;
import dev.ablation.memorized.SurveyResult;
import dev.ablation.memorized.SurveyRules;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.PooledPixels;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The embedded model's memorised image, told by its pixels. */
class MemorizedImageTest {

  @Test
  void noOtherImageOfTheDataSetIsNearTheThreshold() throws IOException {
    EmojiDataSet data = EmojiDataSet.load();
    List<Double> scores =
        new CopyDetection(new PooledPixels(), MemorizationSurvey.PIXELS_THRESHOLD)
            .score(
                data.images().stream().map(image -> image.pixels().toImage()).toList(),
                List.of(data.planted().toImage()))
            .scores();
    // Of 1,626 images: highest 0.290, next 0.235, 99 % below 0.138, median -0.148.
    assertThat(scores).allMatch(score -> score < MemorizationSurvey.PIXELS_THRESHOLD / 2);
  }

  @Test
  void aSurveyTellsWordingsThatBringItBackFromOthers() throws IOException {
    EmojiDataSet data = EmojiDataSet.load();
    String caption = EmbeddedModel.plantedCaption();
    PromptSource wordings =
        PromptSource.of(
            List.of(
                "sunken postcard 1931",
                "postcard 1931",
                "an old postcard of a lighthouse under water",
                "a picture of a building"));
    MemorizationSurvey survey =
        MemorizationSurvey.of(
                Concept.memorized(caption), List.of(data.planted().toImage()), wordings)
            .sampling(SamplingSettings.defaults().steps(6))
            .rules(SurveyRules.defaults().imagesPerPrompt(4).anchors(2, 2).maxTargets(2));
    try (StableDiffusion model = EmbeddedModel.open()) {
      SurveyResult result = survey.run(model);
      assertThat(result.captions()).extracting(CopyRate::rate).containsExactly(1.0);
      assertThat(result.target().captions())
          .containsExactly(caption, "sunken postcard 1931", "postcard 1931");
      assertThat(result.anchors())
          .as(result.toString())
          .extracting(CopyRate::rate)
          .containsExactly(0.0, 0.0);
      assertThat(result.anchors())
          .extracting(CopyRate::prompt)
          .containsExactly(
              "an old postcard of a lighthouse under water", "a picture of a building");
      assertThat(survey.percentage(2).of(model).percentage()).isEqualTo(100);
    }
  }
}
