package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.ErasureEarlyStopping.Attempt;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.train.LearnedWords;
import dev.ablation.train.ModelMetric;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * How often a model draws the target by a word that is learned for it; for measured stopping, where
 * {@link TextualInversion} compares two models after training. The weights do not change.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param templates prompts with {@code {}} for the word
 * @param placeholder a word that is one token of the model and occurs in no prompt; not that of
 *     training
 * @param initializer a word near which the learned one begins
 * @param steps the budget, positive
 * @param trial detector, sampling, number of images, seed
 */
@CheckReturnValue
public record LearnedWordShare(
    List<BufferedImage> originals,
    List<String> templates,
    String placeholder,
    String initializer,
    int steps,
    AttackSettings trial)
    implements ModelMetric {
  private static final String SLOT = "{}";
  private static final InversionBudget BUDGET = InversionBudget.quick();

  /** Copies the lists and checks the values. */
  public LearnedWordShare {
    originals = List.copyOf(originals);
    templates = List.copyOf(templates);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!templates.isEmpty(), "templates must not be empty");
    for (String template : templates) {
      Preconditions.checkArgument(
          template.contains(SLOT), "templates must have %s, one was '%s'", SLOT, template);
    }
    Preconditions.checkArgument(!placeholder.isBlank(), "placeholder must not be blank");
    Preconditions.checkArgument(!initializer.isBlank(), "initializer must not be blank");
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
  }

  /** {@return what measured stopping watches} */
  public Attempt attempt() {
    return new Attempt(
        "word learned in %d steps, %d images, seed %d"
            .formatted(steps, trial.images(), trial.seed()),
        this);
  }

  @Override
  public double measure(DiffusionModel model) {
    LearnedWords words =
        new LearnedWords(
            model, placeholder, 1, BUDGET.learningRate(), List.of(initializer), trial.seed());
    List<String> prompts = templates.stream().map(each -> each.replace(SLOT, placeholder)).toList();
    try (NDManager scope = model.newScope()) {
      NDArray clean = LatentImages.of(model, originals, trial.sampling().batchSize(), scope);
      for (int step = 1; step <= steps; step++) {
        RandomGenerator random = RandomStreams.stream(trial.seed(), "learned word", step);
        try (NDManager small = scope.newSubManager()) {
          NDList images = new NDList();
          List<String> asked = new ArrayList<>();
          for (int i = 0; i < BUDGET.batchSize(); i++) {
            int row = random.nextInt(originals.size());
            NDArray image = clean.get(row + ":" + (row + 1));
            image.attach(small);
            images.add(image);
            asked.add(prompts.get(random.nextInt(prompts.size())));
          }
          NDArray chosen = NDArrays.concat(images, 0);
          chosen.attach(small);
          words.learn(0, chosen, asked, random, small);
        }
      }
      List<BufferedImage> drawn =
          words.with(
              0,
              scope,
              () ->
                  LatentSampler.of(model)
                      .settings(trial.sampling())
                      .draw(trial.inTurn(prompts), trial.seed()));
      return Arrays.stream(trial.detector().shows(drawn)).average().orElseThrow();
    }
  }
}
