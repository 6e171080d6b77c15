package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.objective.Losses;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.TimestepSampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The gradients of {@link Redirection}, on images that it draws itself. */
final class RedirectionGradients implements StepGradients {
  // Names in a saved state; files on disk have them.
  private static final String TARGET = "redirection.target";
  private static final String ANCHOR = "redirection.anchor";
  private static final String KEPT = "redirection.kept";
  private static final String WORD = "redirection.word.";

  /** Images of the target that a word is learned from in a step. */
  static final int WORD_BATCH = 4;

  /** The anchor's images in a step that stay, whatever the caption. */
  static final int ANCHORS_KEPT = 2;

  /** Images are mostly noise there: the caption of another one does not contradict them. */
  private static final TimestepSampling HIDDEN = TimestepSampling.uniform(0.5, 1);

  /** The share of a run in which words begin again. */
  private static final double RESTARTS = 0.8;

  /** How an image of the target is captioned. */
  private enum Caption {
    TARGET,
    ANCHOR,
    EMPTY,
    NEUTRAL,
    WORD
  }

  private final GradientTrainer trainer;
  private final Redirection settings;
  private final TrainingTask task;
  private final DiffusionModel model;
  private final TrainingSession session;
  private final TextEmbeddings texts;
  private final NDManager own;
  private final NoiseSchedule schedule;
  private final RedirectionPrompts prompts;
  private final List<Caption> captions = new ArrayList<>();
  private final @Nullable LearnedWords words;
  private @Nullable NDArray target;
  private @Nullable NDArray anchor;
  private @Nullable NDArray kept;

  RedirectionGradients(
      GradientTrainer trainer,
      Redirection settings,
      TrainingTask task,
      TrainingSession session,
      TextEmbeddings texts) {
    this.trainer = trainer;
    this.settings = settings;
    this.task = task;
    this.session = session;
    this.texts = texts;
    model = task.model();
    schedule = model.schedule();
    prompts = RedirectionPrompts.of(task.pairs(), settings, task.seed());
    captions.addAll(List.of(Caption.TARGET, Caption.ANCHOR, Caption.EMPTY));
    if (!settings.neutralPrompts().isEmpty()) {
      captions.add(Caption.NEUTRAL);
    }
    if (settings.words() > 0) {
      captions.add(Caption.WORD);
      captions.add(Caption.WORD); // what is searched for counts twice
    }
    words =
        settings.words() == 0
            ? null
            : session.withoutGradients(() ->
                new LearnedWords(
                    model,
                    settings.placeholder(),
                    settings.words(),
                    settings.wordRate(),
                    prompts.known(),
                    task.seed()));
    own = model.newScope();
  }

  // Images

  @Override
  public void prepare(Optional<TrainingState> saved) {
    if (saved.isPresent()) {
      target = copied(LearnedWords.array(saved.get(), TARGET));
      anchor = copied(LearnedWords.array(saved.get(), ANCHOR));
      kept = copied(LearnedWords.array(saved.get(), KEPT));
      if (words != null) {
        words.restore(WORD, saved.get());
      }
      return;
    }
    int total = prompts.target().size() + prompts.anchor().size() + prompts.kept().size();
    long seed = RandomStreams.seed(task.seed(), "redirection images", 0);
    long other = RandomStreams.seed(task.seed(), "redirection images", 1);
    anchor = drawn(prompts.anchor(), seed, 0, total);
    target = drawn(prompts.target(), seed, prompts.anchor().size(), total); // the same noise
    kept = drawn(prompts.kept(), other, total - prompts.kept().size(), total);
  }

  private NDArray copied(NDArray array) {
    return inEngine(array, own);
  }

  private NDArray drawn(List<String> asked, long seed, int before, int total) {
    SamplingSettings sampling =
        settings.sampling().orElseGet(() -> SamplingSettings.defaultsFor(model));
    return session.withBaseWeights(() -> {
      NDList parts = new NDList();
      try (NDManager scope = own.newSubManager()) {
        for (int from = 0; from < asked.size(); from += sampling.batchSize()) {
          int to = Math.min(asked.size(), from + sampling.batchSize());
          parts.add(
              LatentSampler.of(model)
                  .settings(sampling)
                  .cancellation(task::cancelled)
                  .sample(asked.subList(from, to), seed + from, scope));
          task.emit(new AblationEvent.AnchorsProgressed(before + to, total, false));
        }
        NDArray joined = NDArrays.concat(parts, 0);
        joined.attach(own);
        return joined;
      }
    });
  }

  // Steps

  @Override
  public Gradients of(int step, NDManager scope) {
    Step made = new Step(step, scope);
    made.learnWord();
    Gradients erasing = session.gradients(made::redirected, scope);
    Gradients keeping = session.gradients(made::kept, scope);
    double loss = erasing.loss() + settings.keepWeight() * keeping.loss();
    NDList sum = session.withoutGradients(() -> joined(erasing.values(), keeping.values()));
    if (settings.relearnEvery() > 0 && step % settings.relearnEvery() == 0) {
      NDList afterwards = relearned(made);
      session.withoutGradients(() -> {
        for (int i = 0; i < sum.size(); i++) {
          sum.get(i).addi(afterwards.get(i));
        }
        return sum;
      });
    }
    return new Gradients(loss, sum);
  }

  /** In place of the first ones. */
  private NDList joined(NDList erasing, NDList keeping) {
    double weight = settings.keepWeight();
    if (settings.projection()) {
      weight += conflict(erasing, keeping);
    }
    for (int i = 0; i < erasing.size(); i++) {
      try (NDArray weighted = keeping.get(i).mul(weight)) {
        erasing.get(i).addi(weighted);
      }
    }
    return erasing;
  }

  /** What takes the part against {@code keeping} out of {@code erasing}; 0 if there is none. */
  static double conflict(NDList erasing, NDList keeping) {
    double both = 0;
    double square = 0;
    for (int i = 0; i < erasing.size(); i++) {
      try (NDArray product = erasing.get(i).mul(keeping.get(i));
          NDArray sum = product.sum();
          NDArray squares = keeping.get(i).square();
          NDArray norm = squares.sum()) {
        both += sum.getFloat();
        square += norm.getFloat();
      }
    }
    return both < 0 && square > 0 ? -both / square : 0;
  }

  /** The gradient of the redirection where a fine-tuner would lead; the weights stay. */
  private NDList relearned(Step made) {
    NDManager scope = made.scope;
    NDList before = new NDList();
    session.withoutGradients(() -> {
      for (NDArray weight : session.weights()) {
        NDArray copy = weight.duplicate();
        copy.attach(scope);
        before.add(copy);
      }
      return before;
    });
    try {
      for (int i = 0; i < settings.relearnSteps(); i++) {
        int number = i;
        try (NDManager small = scope.newSubManager()) {
          Gradients gradients = session.gradients(() -> made.finetuning(number, small), small);
          session.withoutGradients(() -> move(gradients.values(), small));
        }
      }
      return session.gradients(made::redirected, scope).values();
    } finally {
      session.withoutGradients(() -> {
        session.restore(before);
        return before;
      });
    }
  }

  private NDList move(NDList gradients, NDManager scope) {
    double square = 0;
    for (NDArray gradient : gradients) {
      try (NDArray squares = gradient.square();
          NDArray sum = squares.sum()) {
        square += sum.getFloat();
      }
    }
    NDList moved = new NDList();
    double factor = -settings.relearnRadius() / Math.sqrt(Math.max(square, Double.MIN_NORMAL));
    for (int i = 0; i < gradients.size(); i++) {
      try (NDArray change = gradients.get(i).mul(factor)) {
        NDArray weight = session.weights().get(i).add(change);
        weight.attach(scope);
        moved.add(weight);
      }
    }
    session.restore(moved);
    return moved;
  }

  /** What one step draws at random, and its losses. */
  private final class Step {
    private final int step;
    private final NDManager scope;
    private final int word;

    Step(int step, NDManager scope) {
      this.step = step;
      this.scope = scope;
      word = words == null ? 0 : (step - 1) % words.count();
    }

    private RandomGenerator random(String purpose) {
      return RandomStreams.stream(task.seed(), "redirection " + purpose, step);
    }

    void learnWord() {
      if (words == null) {
        return;
      }
      int every = settings.restartEvery();
      if (every > 0 && step % every == 0 && step < RESTARTS * trainer.steps()) {
        int again = (step / every) % words.count();
        session.withoutGradients(() -> {
          words.begin(again, random("word"));
          return again;
        });
      }
      RandomGenerator random = random("learning");
      for (int i = 0; i < settings.wordSteps(); i++) {
        int[] rows = rows(random, WORD_BATCH, prompts.target().size());
        words.learn(
            word, selected(target, rows, scope), of(prompts.withWord(), rows), random, scope);
      }
    }

    /** The noised images of the target lead to the anchor's, under any caption. */
    NDArray redirected() {
      RandomGenerator random = random("target");
      int[] rows = rows(random, trainer.batchSize(), prompts.target().size());
      List<Integer> plain = new ArrayList<>();
      List<String> asked = new ArrayList<>();
      List<Integer> worded = new ArrayList<>();
      for (int row : rows) {
        Caption caption = captions.get(random.nextInt(captions.size()));
        if (caption == Caption.WORD) {
          worded.add(row);
        } else {
          plain.add(row);
          asked.add(text(caption, row, random));
        }
      }
      int[] order = Stream.concat(plain.stream(), worded.stream()).mapToInt(i -> i).toArray();
      double[] times =
          TimestepSampling.uniform(settings.from(), 1).draw(order.length, schedule, random);
      NDArray images = selected(target, order, scope);
      NDArray aims = selected(anchor, order, scope);
      NDArray noise = noise(images.getShape(), random, scope);
      NDArray at = inEngine(schedule.toArray(times, scope), scope);
      NDArray noised = session.withoutGradients(() -> schedule.addNoise(images, noise, at));
      NDArray aim =
          session.withoutGradients(() ->
              Losses.redirectionTarget(schedule, model.predictionType(), images, aims, noise, at));
      NDArray prediction =
          model.predict(
              attached(noised, scope),
              at,
              conditioning(asked, of(prompts.withWord(), worded), images.getShape()));
      return Losses.redirection(
          schedule, model.predictionType(), prediction, attached(aim, scope), at, scope);
    }

    private String text(Caption caption, int row, RandomGenerator random) {
      return switch (caption) {
        case TARGET -> prompts.target().get(row);
        case ANCHOR -> prompts.anchor().get(row);
        case NEUTRAL ->
            settings.neutralPrompts().get(random.nextInt(settings.neutralPrompts().size()));
        default -> "";
      };
    }

    /** All else is predicted as before the run. */
    NDArray kept() {
      RandomGenerator random = random("kept");
      int[] rows = rows(random, settings.keptBatch(), prompts.kept().size());
      int[] anchors = rows(random, ANCHORS_KEPT, prompts.anchor().size());
      List<String> asked = new ArrayList<>();
      List<String> before = new ArrayList<>();
      double[] times =
          TimestepSampling.uniform().draw(rows.length + ANCHORS_KEPT, schedule, random);
      for (int i = 0; i < rows.length; i++) {
        // Half with their own caption, a quarter with any, a quarter with none.
        switch (random.nextInt(4)) {
          case 0 -> asked.add("");
          case 1 -> {
            asked.add(prompts.captions().get(random.nextInt(prompts.captions().size())));
            times[i] = HIDDEN.draw(schedule, random);
          }
          default -> asked.add(prompts.kept().get(rows[i]));
        }
      }
      before.addAll(asked);
      List<Integer> plain = new ArrayList<>();
      List<Integer> worded = new ArrayList<>();
      for (int row : anchors) {
        int caption = random.nextInt(words == null ? 2 : 3);
        if (caption == 2) {
          worded.add(row);
        } else {
          plain.add(row);
          asked.add((caption == 0 ? prompts.anchor() : prompts.target()).get(row));
        }
      }
      plain.addAll(worded);
      before.addAll(of(prompts.anchor(), plain));
      NDArray images =
          attached(
              session.withoutGradients(() ->
                  selected(kept, rows, scope)
                      .concat(
                          selected(anchor, plain.stream().mapToInt(i -> i).toArray(), scope), 0)),
              scope);
      NDArray noise = noise(images.getShape(), random, scope);
      NDArray at = inEngine(schedule.toArray(times, scope), scope);
      NDArray noised =
          attached(session.withoutGradients(() -> schedule.addNoise(images, noise, at)), scope);
      NDArray aim =
          attached(
              session.withBaseWeights(() ->
                  model.predict(
                      noised,
                      at,
                      texts.of(before, LatentSize.of(noised.getShape()), session, scope))),
              scope);
      NDArray prediction =
          model.predict(
              noised, at, conditioning(asked, of(prompts.withWord(), worded), noised.getShape()));
      return prediction.sub(aim).square().mean();
    }

    /** What a fine-tuner would minimise. */
    NDArray finetuning(int number, NDManager small) {
      RandomGenerator random = random("fine-tuning " + number);
      int[] rows = rows(random, trainer.batchSize(), prompts.target().size());
      double[] times = TimestepSampling.uniform().draw(rows.length, schedule, random);
      NDArray images = selected(target, rows, small);
      NDArray noise = noise(images.getShape(), random, small);
      NDArray at = inEngine(schedule.toArray(times, small), small);
      NDArray noised =
          attached(session.withoutGradients(() -> schedule.addNoise(images, noise, at)), small);
      NDArray aim =
          attached(
              session.withoutGradients(
                  () -> schedule.target(model.predictionType(), images, noise, at)),
              small);
      NDArray prediction =
          model.predict(
              noised,
              at,
              texts.of(
                  of(prompts.target(), rows), LatentSize.of(noised.getShape()), session, small));
      return prediction.sub(aim).square().mean();
    }

    /** Rows with words come last. */
    private Conditioning conditioning(List<String> plain, List<String> worded, Shape latents) {
      LatentSize size = LatentSize.of(latents);
      List<Conditioning> parts = new ArrayList<>();
      if (!plain.isEmpty()) {
        parts.add(texts.of(plain, size, session, scope));
      }
      if (words != null && !worded.isEmpty()) {
        parts.add(
            session.withoutGradients(
                () -> words.with(word, scope, () -> model.encode(worded, size, scope))));
      }
      return parts.size() == 1
          ? parts.get(0)
          : session.withoutGradients(() -> Conditioning.concat(parts).attach(scope));
    }
  }

  private static int[] rows(RandomGenerator random, int count, int of) {
    return random.ints(count, 0, of).toArray();
  }

  private static List<String> of(List<String> texts, int[] rows) {
    List<String> chosen = new ArrayList<>();
    for (int row : rows) {
      chosen.add(texts.get(row));
    }
    return chosen;
  }

  private static List<String> of(List<String> texts, List<Integer> rows) {
    return rows.stream().map(texts::get).toList();
  }

  private NDArray selected(@Nullable NDArray images, int[] rows, NDManager scope) {
    if (images == null) {
      throw new IllegalStateException("images have not been drawn");
    }
    return session.withoutGradients(() -> {
      NDList chosen = new NDList();
      for (int row : rows) {
        NDArray one = images.get(row + ":" + (row + 1));
        one.attach(scope);
        chosen.add(one);
      }
      return attached(NDArrays.concat(chosen, 0), scope);
    });
  }

  private NDArray noise(Shape shape, RandomGenerator random, NDManager scope) {
    return inEngine(RandomStreams.gaussian(scope, shape, random), scope);
  }

  /** The backward pass must not read an array in a Java buffer, which is freed with its handle. */
  private NDArray inEngine(NDArray array, NDManager scope) {
    return session.withoutGradients(() -> EngineArrays.copy(array, scope));
  }

  private static NDArray attached(NDArray array, NDManager scope) {
    array.attach(scope);
    return array;
  }

  // Saved states

  @Override
  public void save(Map<String, NDArray> arrays, Map<String, String> values) {
    if (target == null || anchor == null || kept == null) {
      return; // the run had ended when it was opened
    }
    arrays.put(TARGET, target);
    arrays.put(ANCHOR, anchor);
    arrays.put(KEPT, kept);
    if (words != null) {
      words.save(WORD, arrays, values, own);
    }
  }

  @Override
  public void close() {
    own.close();
  }
}
