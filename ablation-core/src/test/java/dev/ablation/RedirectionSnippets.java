package dev.ablation;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.Redirection;
import java.util.List;

/** Code of the documentation of redirection. */
final class RedirectionSnippets {
  private RedirectionSnippets() {}

  static Ablation redirection(DiffusionModel model, List<String> captions) {
    // @start region="redirection"
    Redirection redirection =
        Redirection.defaults()
            .neutralPrompts(List.of("a photo of an animal"))
            .keptPrompts(captions) // whatever else the model draws for you; the more, the better
            .words(2, "sks"); // learned in training, as an attacker would
    Ablation plan =
        Ablator.of(model)
            .target("grumpy cat")
            .anchor(AnchorStrategy.generated("cat"))
            .preserve(Concept.instance("dog"), Concept.instance("lion"))
            .weights(WeightGroup.denoiser())
            .training(t ->
                t.startingFrom(ClosedForm.sequences())
                    .redirecting(redirection)
                    .schedule(LearningRateSchedule.cosine(20, 0)));
    // @end
    return plan;
  }
}
