package dev.ablation.djl;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.singlefile.FileContent;
import dev.ablation.djl.internal.singlefile.Prediction;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a checkpoint in a single {@code .safetensors} file is, found from the names and shapes of
 * its tensors. {@link DiffusionPipeline#load(Path)} opens such a file.
 *
 * {@snippet class="dev.ablation.djl.SingleFileTest" region="inspect"}
 */
public final class SingleFile {
  private static final int INPAINTING_CHANNELS = 9;

  private final FileContent content;
  private final Prediction prediction;
  private final int channels;

  private SingleFile(FileContent content, Prediction prediction, int channels) {
    this.content = content;
    this.prediction = prediction;
    this.channels = channels;
  }

  /**
   * Looks at a file. Of its tensors at most one is read.
   *
   * @param file a {@code .safetensors} file
   * @return what it is
   * @throws IOException if it is cut, holds no model of a family that this library can tell, or
   *     cannot be read; the message says what its tensors look like
   */
  public static SingleFile inspect(Path file) throws IOException {
    try (Checkpoint checkpoint = FileContent.open(file, SafetensorsFile.Access.MAP)) {
      FileContent content = FileContent.of(file, checkpoint);
      return new SingleFile(
          content,
          Prediction.of(content, checkpoint, LoadOptions.defaults()),
          content.unetChannels());
    }
  }

  /** {@return the family} */
  public ModelFamily family() {
    return content.family();
  }

  /** {@return the networks in the file, by their keys in {@code model_index.json}} */
  public Set<String> components() {
    return Collections.unmodifiableSet(new TreeSet<>(content.parts().keySet()));
  }

  /**
   * {@return the networks that the model needs and the file lacks; {@link LoadOptions#component}
   * names where they are}
   */
  public Set<String> missing() {
    return Collections.unmodifiableSet(content.missing());
  }

  /** {@return whether the UNet takes a mask and a masked image beside the latents} */
  public boolean isInpainting() {
    return channels == INPAINTING_CHANNELS;
  }

  /** {@return whether the UNet's weights are there a second time, averaged over the steps} */
  public boolean hasAverages() {
    return content.hasAverages();
  }

  /** {@return what the network predicts; empty for a family that is trained by flow matching} */
  public Optional<PredictionType> prediction() {
    return content.family().isFlow() ? Optional.empty() : Optional.of(prediction.type());
  }

  /** {@return the entries of the file's header, such as {@code modelspec.title}} */
  public Map<String, String> metadata() {
    return content.metadata();
  }

  /** {@return all of it in a sentence, with how the prediction was found out} */
  @Override
  public String toString() {
    return content.description(prediction);
  }
}
