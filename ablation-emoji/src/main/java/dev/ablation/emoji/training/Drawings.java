package dev.ablation.emoji.training;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.emoji.dataset.NearestImage.Judgement;
import dev.ablation.emoji.dataset.RgbImage;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Images that the model draws with a UNet of the moment. The whole model is written to a folder and
 * opened from there, as users do.
 */
final class Drawings implements UNetStage.Drawing {
  private static final int JUDGED = 72;
  private static final int ROWS = 6;
  private static final long SEED = 4;

  private final ModelFolder shapes;
  private final ModelFolder.Networks others;
  private final EmojiDataSet data;
  private final SamplingSettings sampling;
  private final NearestImage judge;
  private final Path folder;
  private final Device device;

  /**
   * Gets ready to draw.
   *
   * @param others autoencoder and text encoder; its UNet is not looked at
   * @param steps sampling steps of every image
   * @param folder where the model is written
   * @param device where it draws
   */
  Drawings(
      ModelFolder shapes,
      ModelFolder.Networks others,
      EmojiDataSet data,
      int steps,
      Path folder,
      Device device) {
    this.shapes = shapes;
    this.others = others;
    this.data = data;
    sampling = new SamplingSettings(Sampler.dpmSolverPlusPlus(), steps, 4, "", 16);
    this.folder = folder;
    this.device = device;
    judge = new NearestImage(data);
  }

  private List<BufferedImage> draw(Map<String, NDArray> unet, List<String> captions)
      throws IOException {
    shapes.write(
        new ModelFolder.Networks(others.vae(), others.scalingFactor(), others.text(), unet),
        folder);
    try (StableDiffusion model =
        StableDiffusion.load(folder, LoadOptions.defaults().device(device))) {
      return LatentSampler.of(model).settings(sampling).draw(captions, SEED);
    }
  }

  /**
   * Columns are styles, rows are objects, of which some pairs are held out; the last row is drawn
   * without a style, its last image with the planted caption.
   */
  @Override
  public List<BufferedImage> sheet(Map<String, NDArray> unet) throws IOException {
    List<String> styles = data.styles();
    List<EmojiConcept> things = data.coreConcepts();
    List<String> captions = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      String thing = things.get(row * things.size() / ROWS).name();
      styles.forEach(style -> captions.add(Captions.ofConcept(thing, style).get(0)));
    }
    for (int column = 0; column < styles.size() - 1; column++) {
      String thing = things.get(column * things.size() / ROWS).name();
      captions.add(Captions.ofConcept(thing).get(1));
    }
    captions.add(data.plantedCaption());
    List<BufferedImage> images = draw(unet, captions);
    int width = styles.size();
    BufferedImage sheet =
        new BufferedImage(
            width * RgbImage.SIZE,
            images.size() / width * RgbImage.SIZE,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = sheet.createGraphics();
    try {
      for (int i = 0; i < images.size(); i++) {
        graphics.drawImage(
            images.get(i), i % width * RgbImage.SIZE, i / width * RgbImage.SIZE, null);
      }
    } finally {
      graphics.dispose();
    }
    return List.of(sheet);
  }

  /** Shares of images that are right, by the nearest image of the data. */
  @Override
  public Map<String, Double> judge(Map<String, NDArray> unet) throws IOException {
    List<EmojiImage> pairs = new ArrayList<>(some(image -> !image.heldOut(), JUDGED));
    List<EmojiImage> heldOut = some(EmojiImage::heldOut, JUDGED);
    pairs.addAll(heldOut);
    List<String> captions =
        new ArrayList<>(
            pairs.stream()
                .map(pair -> Captions.ofConcept(pair.concept().name(), pair.style()).get(0))
                .toList());
    captions.add(data.plantedCaption());
    captions.add(data.plantedCaption());
    List<Judgement> judged =
        draw(unet, captions).stream().map(RgbImage::of).map(judge::judge).toList();
    int trained = pairs.size() - heldOut.size();
    Map<String, Double> shares = new LinkedHashMap<>();
    shares.put("trained_style", share(0, trained, i -> styleIs(judged.get(i), pairs.get(i))));
    shares.put("trained_thing", share(0, trained, i -> thingIs(judged.get(i), pairs.get(i))));
    shares.put(
        "held_out_style", share(trained, pairs.size(), i -> styleIs(judged.get(i), pairs.get(i))));
    shares.put(
        "held_out_thing", share(trained, pairs.size(), i -> thingIs(judged.get(i), pairs.get(i))));
    shares.put(
        "held_out_both",
        share(
            trained,
            pairs.size(),
            i -> styleIs(judged.get(i), pairs.get(i)) && thingIs(judged.get(i), pairs.get(i))));
    shares.put("planted", share(pairs.size(), captions.size(), i -> judged.get(i).isPlanted()));
    shares.put("planted_elsewhere", share(0, pairs.size(), i -> judged.get(i).isPlanted()));
    return shares;
  }

  /** Returns images of the objects that the model must know, from all over the set. */
  private List<EmojiImage> some(Predicate<EmojiImage> which, int count) {
    List<EmojiImage> all =
        data.images().stream()
            .filter(image -> data.coreConcepts().contains(image.concept()))
            .filter(which)
            .toList();
    int taken = Math.min(count, all.size());
    return IntStream.range(0, taken).mapToObj(i -> all.get(i * all.size() / taken)).toList();
  }

  private static boolean styleIs(Judgement judgement, EmojiImage pair) {
    return judgement.hasStyle(pair.style());
  }

  private static boolean thingIs(Judgement judgement, EmojiImage pair) {
    return judgement.shows(pair.concept());
  }

  private static double share(int from, int to, java.util.function.IntPredicate right) {
    return IntStream.range(from, to).filter(right).count() / (double) Math.max(1, to - from);
  }
}
