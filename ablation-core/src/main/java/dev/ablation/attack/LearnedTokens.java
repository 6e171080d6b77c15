package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.ablation.attack.AttackSettings.Attacked;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Optimizer;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.sample.LatentSampler;
import dev.ablation.train.InversionStep;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Learns rows of the token table of a model under attack from images, by the loss that the model
 * was trained with, until images drawn with them show the target or the budget is spent.
 *
 * @param placeholders words that are one token each; their rows are learned
 * @param examples images and the prompts that describe them with the placeholders
 * @param asked prompts with the placeholders that are drawn, one per image
 * @param budget of each start
 * @param projected whether gradients are taken at the nearest rows of the vocabulary, and those
 *     rows are drawn with
 * @param trial decides whether the target shows
 */
record LearnedTokens(
    List<String> placeholders,
    List<DescribedImage> examples,
    List<String> asked,
    InversionBudget budget,
    boolean projected,
    AttackSettings trial) {
  /** Rows that never were a word's, such as padding, would win by their size; cosines ignore it. */
  private static final double TINY = 1e-12;

  static void check(DiffusionModel model, List<String> words) {
    Capabilities.require(model, Differentiable.class, "a learned token");
    words.forEach(word -> token(model, word));
    table(model);
  }

  /** The row of a word in the token table. */
  @CanIgnoreReturnValue
  static int token(DiffusionModel model, String word) {
    List<Integer> ids =
        Capabilities.require(model, PromptTokenizer.class, "a learned token").tokens(word).ids();
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

  /**
   * A start of the learned rows.
   *
   * @param name for the settings of the result
   * @param rows of the table, one for each placeholder
   */
  record Start(String name, List<Integer> rows) {}

  /** Learns from each start in turn; returns the images of the best moment. */
  List<BufferedImage> draw(Attacked attacked, List<Start> starts) {
    DiffusionModel model = attacked.model();
    String table = table(model);
    int[] rows = placeholders.stream().mapToInt(word -> token(model, word)).toArray();
    Set<Integer> trained = new HashSet<>();
    for (int row : rows) {
      trained.add(row);
    }
    GradientOptions options = new GradientOptions(false, Map.of(table, trained), false);
    try (NDManager scope = model.newScope();
        TrainingSession session =
            Capabilities.require(model, Differentiable.class, "a learned token")
                .train(List.of(table), options)) {
      List<BufferedImage> images = examples.stream().map(DescribedImage::image).toList();
      NDArray clean =
          session.withoutGradients(
              () -> LatentImages.of(model, images, trial.sampling().batchSize(), scope));
      Best best = new Best();
      for (Start start : starts) {
        learn(attacked, session, clean, new Rows(session, rows, start, projected), best);
        if (AttackSettings.succeeds(best.share)) {
          break;
        }
      }
      attacked.note("learned from", best.start);
      attacked.note("learned in steps", Integer.toString(best.step));
      return best.images;
    }
  }

  /** The best images so far. */
  private static final class Best {
    private double share = -1;
    private String start = "";
    private int step;
    private List<BufferedImage> images = List.of();

    void offer(double found, String from, int at, List<BufferedImage> drawn) {
      if (found > share) {
        share = found;
        start = from;
        step = at;
        images = drawn;
      }
    }
  }

  private void learn(
      Attacked attacked, TrainingSession session, NDArray clean, Rows rows, Best best) {
    DiffusionModel model = attacked.model();
    DenoisingLoss loss =
        new DenoisingLoss(
            model,
            examples,
            clean,
            budget.batchSize(),
            budget.step(),
            new DenoisingLoss.Choices(trial.seed(), "textual inversion"));
    Optimizer optimizer = session.optimizer(InversionStep.OPTIMIZER);
    int check = budget.firstCheck();
    for (int step = 1; step <= budget.steps(); step++) {
      attacked.step("training step", step, budget.steps());
      try (NDManager scope = model.newScope()) {
        int at = step;
        rows.project();
        Gradients gradients = session.gradients(() -> loss.at(at, scope), scope);
        rows.unproject();
        optimizer.step(gradients.values(), budget.learningRate(), Double.MAX_VALUE);
      }
      if (step == check || step == budget.steps()) {
        check = Math.min(2 * check, budget.steps());
        String words = rows.project();
        List<BufferedImage> drawn =
            session.withoutGradients(() ->
                LatentSampler.of(model)
                    .settings(trial.sampling())
                    .cancellation(attacked.cancelled())
                    .draw(asked, trial.seed()));
        rows.unproject();
        double share = trial.share(drawn);
        best.offer(share, words.isEmpty() ? rows.start.name() : words, step, drawn);
        if (AttackSettings.succeeds(share)) {
          return;
        }
      }
    }
  }

  /** The learned rows of the table under training, and the vocabulary to project them to. */
  private static final class Rows {
    private final TrainingSession session;
    private final int[] rows;
    private final Start start;
    private final int width;
    private final Shape shape;
    private final float @Nullable [] vocabulary;
    private float[] learned = new float[0];

    Rows(TrainingSession session, int[] rows, Start start, boolean projected) {
      this.session = session;
      this.rows = rows.clone();
      this.start = start;
      NDArray table = session.weights().get(0);
      shape = table.getShape();
      width = Math.toIntExact(shape.get(1));
      // The table from before the session: an earlier start has changed its rows since.
      float[] values = table();
      vocabulary = projected ? values.clone() : null;
      for (int i = 0; i < rows.length; i++) {
        System.arraycopy(values, start.rows().get(i) * width, values, rows[i] * width, width);
      }
      set(values);
    }

    private float[] table() {
      NDArray table = session.weights().get(0);
      return session.withoutGradients(table::toFloatArray);
    }

    private void set(float[] values) {
      try (NDManager scope = session.weights().get(0).getManager().newSubManager()) {
        session.restore(new NDList(scope.create(values, shape)));
      }
    }

    /** Puts the nearest words' rows in place of the learned ones; returns the words' numbers. */
    String project() {
      if (vocabulary == null) {
        return "";
      }
      learned = table();
      float[] changed = learned.clone();
      List<Integer> words = new ArrayList<>();
      for (int row : rows) {
        int word = nearest(learned, row);
        words.add(word);
        System.arraycopy(vocabulary, word * width, changed, row * width, width);
      }
      set(changed);
      return "tokens " + words;
    }

    void unproject() {
      if (vocabulary != null) {
        set(learned);
      }
    }

    /** By cosine; the placeholders' own rows are no words. */
    private int nearest(float[] values, int row) {
      float[] known = Objects.requireNonNull(vocabulary);
      int best = -1;
      double most = Double.NEGATIVE_INFINITY;
      for (int word = 0; word < known.length / width; word++) {
        boolean own = false;
        for (int other : rows) {
          own |= other == word;
        }
        if (own) {
          continue;
        }
        double dot = 0;
        double norm = 0;
        for (int i = 0; i < width; i++) {
          double value = known[word * width + i];
          dot += value * values[row * width + i];
          norm += value * value;
        }
        double cosine = dot / Math.sqrt(norm + TINY);
        if (cosine > most) {
          most = cosine;
          best = word;
        }
      }
      return best;
    }
  }
}
