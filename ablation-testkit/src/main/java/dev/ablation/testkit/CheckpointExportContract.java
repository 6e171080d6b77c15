package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a model writes a complete checkpoint. */
public abstract class CheckpointExportContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected CheckpointExportContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void exportsTheWeightsThatAreBound(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    String name = trainedWeights().get(0);
    NDArray bound = disturbed(model.weights().get(name));
    model.weights().bind(name, bound);
    int[] prediction = bits(encodeAndPredict());
    export.export(folder.resolve("checkpoint"));
    assertThat(bits(encodeAndPredict())).as("the model stays as it was").isEqualTo(prediction);

    DiffusionModel original = model;
    model = fixture.reopen(folder.resolve("checkpoint"));
    scope = model.manager().newSubManager();
    try {
      assertThat(bits(model.weights().get(name))).isEqualTo(bits(bound));
      assertThat(bits(encodeAndPredict())).isEqualTo(prediction);
      for (WeightInfo info : model.weights().list()) {
        if (!info.name().equals(name)) {
          assertThat(model.weights().sha256(info.name()))
              .as(info.name())
              .isEqualTo(original.weights().sha256(info.name()));
        }
      }
    } finally {
      original.close();
    }
  }

  @Test
  final void exportsAModelThatReopensEqual(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    export.export(folder.resolve("checkpoint"));
    try (DiffusionModel again = fixture.reopen(folder.resolve("checkpoint"))) {
      assertThat(again.weights().sha256()).isEqualTo(model.weights().sha256());
      assertThat(again.weights().list()).isEqualTo(model.weights().list());
      assertThat(again.predictionType()).isEqualTo(model.predictionType());
      assertThat(again.schedule()).isEqualTo(model.schedule());
    }
  }

  @Test
  final void refusesToExportOverAnything(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    Path kept = Files.writeString(folder.resolve("kept.txt"), "kept");
    assertThatThrownBy(() -> export.export(folder))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining(folder.toString());
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(kept);
    }
  }

  @Test
  final void leavesNothingBehindAnExportThatFails(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    assertThatThrownBy(() -> export.export(folder.resolve("missing").resolve("checkpoint")))
        .isInstanceOf(java.io.IOException.class)
        .hasMessageContaining("missing");
    assertThat(folder).isEmptyDirectory();
  }
}
