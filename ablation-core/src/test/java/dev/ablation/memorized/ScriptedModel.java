package dev.ablation.memorized;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.Weights;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * A model whose images are known: the first ones of each prompt are copies of {@link #original}, as
 * many as the script says, and all later ones are its negative. It draws without guidance.
 */
final class ScriptedModel implements DiffusionModel, LatentCodec {
  private static final int FACTOR = 2;

  /** How many images were drawn for each prompt. */
  final Map<String, Integer> drawn = new HashMap<>();

  private final TinyDiffusion tiny = TinyDiffusion.open(3);
  private final Map<String, Integer> script;
  private final Queue<String> undecoded = new ArrayDeque<>();

  ScriptedModel(Map<String, Integer> script) {
    this.script = script;
  }

  static BufferedImage original() {
    BufferedImage image = new BufferedImage(6 * FACTOR, 4 * FACTOR, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        image.setRGB(x, y, x < image.getWidth() / 2 ? 0xffffff : 0);
      }
    }
    return image;
  }

  @Override
  public int downscaling() {
    return FACTOR;
  }

  @Override
  public NDArray decode(NDArray latents) {
    int images = Math.toIntExact(latents.getShape().get(0));
    int height = FACTOR * Math.toIntExact(latents.getShape().get(2));
    int width = FACTOR * Math.toIntExact(latents.getShape().get(3));
    float[] values = new float[images * 3 * height * width];
    for (int image = 0; image < images; image++) {
      String prompt = undecoded.remove();
      boolean copy = drawn.merge(prompt, 1, Integer::sum) <= script.getOrDefault(prompt, 0);
      for (int i = 0; i < 3 * height * width; i++) {
        boolean left = i % width < width / 2;
        values[image * 3 * height * width + i] = left == copy ? 1 : -1;
      }
    }
    return latents.getManager().create(values, new Shape(images, 3, height, width));
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    undecoded.addAll(prompts);
    return tiny.encode(prompts, size, scope);
  }

  @Override
  public NDArray encode(NDArray images, @Nullable NDArray noise) {
    return tiny.capability(LatentCodec.class).orElseThrow().encode(images, noise);
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return type == LatentCodec.class ? Optional.of(type.cast(this)) : tiny.capability(type);
  }

  @Override
  public ModelDescriptor descriptor() {
    return tiny.descriptor();
  }

  @Override
  public NDManager manager() {
    return tiny.manager();
  }

  @Override
  public NoiseSchedule schedule() {
    return tiny.schedule();
  }

  @Override
  public PredictionType predictionType() {
    return tiny.predictionType();
  }

  @Override
  public Weights weights() {
    return tiny.weights();
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    return tiny.predict(latents, timesteps, conditioning);
  }

  @Override
  public boolean isClosed() {
    return tiny.isClosed();
  }

  @Override
  public void close() {
    tiny.close();
  }
}
