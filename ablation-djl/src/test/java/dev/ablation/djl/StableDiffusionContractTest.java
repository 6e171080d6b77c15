package dev.ablation.djl;

import ai.djl.Device;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.testkit.DiffusionModelContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

class StableDiffusionContractTest {

  @Nested
  class Version1 extends Contract {
    Version1() {
      super("tiny-sd1");
    }
  }

  /** Predicts velocity. */
  @Tag("slow")
  @Nested
  class Version2 extends Contract {
    Version2() {
      super("tiny-sd2");
    }
  }

  /** Takes a mask and a masked image. */
  @Tag("slow")
  @Nested
  class Inpainting extends Contract {
    Inpainting() {
      super("tiny-sd1-inpaint");
    }

    @Override
    protected DiffusionModel open() throws IOException {
      return open(FlowGolden.families("StableDiffusionInpaintPipeline").get(0).model());
    }

    @Override
    protected Set<Class<?>> capabilities() {
      Set<Class<?>> all = new HashSet<>(super.capabilities());
      all.add(InpaintingCondition.class);
      return all;
    }
  }

  /** Two text encoders and added conditions. */
  @Tag("slow")
  @Nested
  class VersionXL extends Contract {
    VersionXL() {
      super("tiny-sdxl");
    }

    @Override
    protected DiffusionModel reopen(Path folder) throws IOException {
      return StableDiffusionXL.load(folder, options());
    }

    @Override
    protected Set<Class<?>> capabilities() {
      Set<Class<?>> all = new HashSet<>(super.capabilities());
      all.add(SamplingDefaults.class);
      return all;
    }
  }

  abstract static class Contract extends DiffusionModelContract {
    @TempDir private static Path folder;

    private final String pipeline;

    Contract(String pipeline) {
      this.pipeline = pipeline;
    }

    @Override
    protected DiffusionModel open() throws IOException {
      return open(Path.of(System.getProperty("ablation.golden"), "pipelines", pipeline));
    }

    /** Opens a copy for images of a quarter of the size: hundreds of tests compute with it. */
    DiffusionModel open(Path original) throws IOException {
      Path small = folder.resolve(pipeline);
      if (!Files.exists(small)) {
        PipelineCopy.copy(original, small);
        Path config = small.resolve("unet/config.json");
        JsonObject unet = JsonParser.parseString(Files.readString(config)).getAsJsonObject();
        unet.addProperty("sample_size", Math.max(8, unet.get("sample_size").getAsInt() / 2));
        Files.writeString(config, unet.toString());
      }
      return reopen(small);
    }

    @Override
    protected DiffusionModel reopen(Path folder) throws IOException {
      return StableDiffusion.load(folder, options());
    }

    static LoadOptions options() {
      return LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device")));
    }

    @Override
    protected Set<Class<?>> capabilities() {
      return Set.of(
          CheckpointExport.class,
          Differentiable.class,
          InputDifferentiable.class,
          LatentCodec.class,
          LoraTraining.class,
          ModelViews.class,
          PromptTokenizer.class);
    }
  }
}
