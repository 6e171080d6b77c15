package dev.ablation.cli;

import dev.ablation.delta.WeightDelta;
import dev.ablation.job.JobRun;
import dev.ablation.job.Removals;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The deltas that a command applies: files, bundles, and what a ledger says. */
final class Deltas {
  @Option(
      names = "--delta",
      paramLabel = "PATH",
      description = "A delta file or a folder of evidence; may be given several times.")
  private List<Path> paths = List.of();

  @Option(
      names = "--ledger",
      paramLabel = "FILE",
      description = "A ledger: every removal that applies.")
  private @Nullable Path ledger;

  /** Reads the deltas and adds them up; where their gates differ, in full. */
  Optional<WeightDelta> sum(DiffusionModel model) throws IOException {
    return Removals.sum(files(), model);
  }

  /** Draws with the deltas: with those that have a gate as far as a prompt asks for them. */
  List<BufferedImage> draw(
      LatentSampler sampler, List<String> prompts, long seed, DiffusionModel model)
      throws IOException {
    List<Path> inFull = new ArrayList<>();
    List<WeightDelta> gated = new ArrayList<>();
    try {
      for (Path file : files()) {
        WeightDelta delta = WeightDelta.load(file, model.manager());
        if (delta.gate().isPresent()) {
          gated.add(delta);
        } else {
          delta.close();
          inFull.add(file);
        }
      }
      Optional<WeightDelta> sum = Removals.sum(inFull, model);
      try {
        return draw(sampler, prompts, seed, model, gated, sum);
      } finally {
        sum.ifPresent(WeightDelta::close);
      }
    } finally {
      gated.forEach(WeightDelta::close);
    }
  }

  private static List<BufferedImage> draw(
      LatentSampler sampler,
      List<String> prompts,
      long seed,
      DiffusionModel model,
      List<WeightDelta> gated,
      Optional<WeightDelta> inFull) {
    if (gated.isEmpty()) {
      return inFull.isEmpty()
          ? sampler.draw(prompts, seed)
          : inFull.get().applied(model, () -> sampler.draw(prompts, seed));
    }
    FacilitatedTransport transport =
        FacilitatedTransport.of(
            model, gated.get(0), gated.subList(1, gated.size()).toArray(WeightDelta[]::new));
    return inFull.map(transport::inFull).orElse(transport).draw(sampler, prompts, seed);
  }

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      files.add(Files.isDirectory(path) ? path.resolve(JobRun.DELTA) : path);
    }
    if (ledger != null) {
      Removals.of(ledger).bundles().forEach(each -> files.add(each.folder().resolve(JobRun.DELTA)));
    }
    return files;
  }
}
