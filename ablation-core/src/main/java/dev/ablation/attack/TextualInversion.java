package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.Optimizer;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/**
 * Tries to recover the target by textual inversion (Gal et al. 2022, arXiv 2208.01618; against
 * erased concepts, Pham et al. 2024, arXiv 2308.01508): learns the embedding of one token from
 * images of the target, by the loss that the model itself was trained with, and draws with it. All
 * other weights remain those of the ablated model, so what it recovers was not removed. The base
 * model is attacked in the same way. One row of the token table is trained; every other row stays
 * unchanged, to the last bit.
 *
 * @param originals images of the target, of the model's size, at least one; published are 25
 * @param placeholder a word that is one token and does not occur in the prompts otherwise, such as
 *     {@code "sks"} of CLIP's vocabulary; its row is learned
 * @param initializer a word that is one token, whose row initialises the learned one, such as
 *     {@code "art"}
 * @param templates prompts with {@code {}} for the placeholder
 * @param steps the budget, positive; published are 5,000, and 500 to 1,000 for a quick probe
 * @param batchSize images in a step, positive
 * @param learningRate positive; published is 5e-3 times the batch size
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record TextualInversion(
    List<BufferedImage> originals,
    String placeholder,
    String initializer,
    List<String> templates,
    int steps,
    int batchSize,
    double learningRate,
    AttackSettings trial)
    implements Attack {
  private static final String SLOT = "{}";
  private static final AdamW ADAM = new AdamW(0.9, 0.999, 1e-8, 0);

  /** Copies the lists and checks the values. */
  public TextualInversion {
    originals = List.copyOf(originals);
    templates = List.copyOf(templates);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!placeholder.isBlank(), "placeholder must not be blank");
    Preconditions.checkArgument(!templates.isEmpty(), "templates must not be empty");
    for (String template : templates) {
      Preconditions.checkArgument(
          template.contains(SLOT), "templates must have %s, one was '%s'", SLOT, template);
    }
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive, was %s",
        learningRate);
  }

  @Override
  public String name() {
    return "textual inversion, %d steps".formatted(steps);
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    Capabilities.require(model, Differentiable.class, "textual inversion");
    token(model, placeholder);
    token(model, initializer);
    table(model);
  }

  /** The row of a word in the token table. */
  @CanIgnoreReturnValue
  private static int token(DiffusionModel model, String word) {
    List<Integer> ids =
        Capabilities.require(model, PromptTokenizer.class, "textual inversion").tokens(word).ids();
    Preconditions.checkArgument(
        ids.size() == 1, "'%s' must be one token of the model, was %s", word, ids);
    return ids.get(0);
  }

  @CanIgnoreReturnValue
  private static String table(DiffusionModel model) {
    List<String> tables =
        model.weights().list().stream()
            .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
            .map(WeightInfo::name)
            .toList();
    Preconditions.checkArgument(
        tables.size() == 1,
        "textual inversion needs a model with one table of token embeddings, had %s",
        tables);
    return tables.get(0);
  }

  private List<String> prompts() {
    return templates.stream().map(template -> template.replace(SLOT, placeholder)).toList();
  }

  @Override
  public AttackResult run(DiffusionModel model, WeightDelta delta, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("originals", Integer.toString(originals.size()));
    settings.put("placeholder", placeholder);
    settings.put("initializer", initializer);
    settings.put("templates", String.join(" | ", templates));
    settings.put("training steps", Integer.toString(steps));
    settings.put("training batch size", Integer.toString(batchSize));
    settings.put("learning rate", Double.toString(learningRate));
    List<String> asked = trial.inTurn(prompts());
    try (NDManager scope = model.newScope()) {
      LatentCodec codec = Capabilities.require(model, LatentCodec.class, "textual inversion");
      NDArray clean = codec.encode(Images.toSigned(Images.array(originals, scope)), null);
      return trial.compare(
          "recovery",
          name(),
          settings,
          asked,
          model,
          delta,
          cancelled,
          stop -> learnAndDraw(model, clean, asked, stop));
    }
  }

  private List<BufferedImage> learnAndDraw(
      DiffusionModel model, NDArray clean, List<String> asked, BooleanSupplier cancelled) {
    String table = table(model);
    int row = token(model, placeholder);
    GradientOptions options = new GradientOptions(false, Map.of(table, Set.of(row)), false);
    try (TrainingSession session =
        Capabilities.require(model, Differentiable.class, "textual inversion")
            .train(List.of(table), options)) {
      begin(session, row, token(model, initializer), model);
      Optimizer optimizer = session.optimizer(ADAM);
      for (int step = 1; step <= steps; step++) {
        if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
          throw new CancellationException(
              "textual inversion was cancelled at step %d of %d".formatted(step, steps));
        }
        try (NDManager scope = model.newScope()) {
          int at = step;
          Gradients gradients = session.gradients(() -> loss(model, clean, at, scope), scope);
          optimizer.step(gradients.values(), learningRate, Double.MAX_VALUE);
        }
      }
      return session.withoutGradients(() ->
          LatentSampler.of(model)
              .settings(trial.sampling())
              .cancellation(cancelled)
              .draw(asked, trial.seed()));
    }
  }

  /** Sets the learned row to the initializer's. */
  private static void begin(TrainingSession session, int row, int from, DiffusionModel model) {
    try (NDManager scope = model.newScope()) {
      NDArray table = session.weights().get(0);
      int width = Math.toIntExact(table.getShape().get(1));
      float[] values = session.withoutGradients(table::toFloatArray);
      System.arraycopy(values, from * width, values, row * width, width);
      NDArray changed = scope.create(values, table.getShape());
      session.restore(new NDList(changed));
    }
  }

  /** The mean squared error of the prediction, on images, noise and timesteps of the step. */
  private NDArray loss(DiffusionModel model, NDArray clean, int step, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(trial.seed(), "textual inversion", step);
    int[] rows = new int[batchSize];
    double[] drawn = new double[batchSize];
    String[] prompts = new String[batchSize];
    List<String> named = prompts();
    for (int i = 0; i < batchSize; i++) {
      rows[i] = random.nextInt(originals.size());
      drawn[i] = model.schedule().drawTime(random);
      prompts[i] = named.get(random.nextInt(named.size()));
    }
    NDArray latents = inEngine(clean.get(scope.create(rows)), scope);
    Shape shape = latents.getShape();
    NDArray noise = inEngine(RandomStreams.gaussian(scope, shape, random), scope);
    NDArray times = inEngine(model.schedule().toArray(drawn, scope), scope);
    NDArray noised = model.schedule().addNoise(latents, noise, times);
    NDArray aim = model.schedule().target(model.predictionType(), latents, noise, times);
    return model
        .predict(noised, times, model.encode(List.of(prompts), LatentSize.of(shape), scope))
        .sub(aim)
        .square()
        .mean();
  }

  /** The backward pass must not read an array in a Java buffer, which is freed with its handle. */
  private static NDArray inEngine(NDArray array, NDManager scope) {
    NDArray copy = array.duplicate();
    copy.attach(scope);
    return copy;
  }
}
