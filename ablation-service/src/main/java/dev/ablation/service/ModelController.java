package dev.ablation.service;

import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.serve.ModelPool;
import java.util.List;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Tells which model is served. */
@RestController
final class ModelController {
  private final ModelPool pool;
  private final ServedModel served;

  ModelController(ModelPool pool, ServedModel served) {
    this.pool = pool;
    this.served = served;
  }

  /**
   * The model.
   *
   * @param name of the model
   * @param location as a job file names it
   * @param device that it computes on
   * @param styles that the embedded model knows; empty for others
   * @param objects that the embedded model knows; empty for others
   * @param steps of sampling by default
   * @param guidanceScale by default
   * @param variants with what each removes
   */
  record Model(
      String name,
      String location,
      String device,
      List<String> styles,
      List<String> objects,
      int steps,
      double guidanceScale,
      List<VariantsController.Variant> variants) {}

  @GetMapping("/api/model")
  Model model() {
    SamplingSettings sampling = served.sampling();
    return new Model(
        served.model().descriptor().name(),
        served.location(),
        served.device(),
        served.isEmbedded() ? EmbeddedModel.styles() : List.of(),
        served.isEmbedded()
            ? EmbeddedModel.concepts().stream().map(EmojiConcept::name).toList()
            : List.of(),
        sampling.steps(),
        sampling.guidanceScale(),
        VariantsController.Variant.all(pool));
  }
}
