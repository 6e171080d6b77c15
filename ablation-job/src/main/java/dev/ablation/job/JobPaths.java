package dev.ablation.job;

import dev.ablation.job.internal.RecordPaths;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Makes the paths of a job file absolute and compares them with what it may use. */
final class JobPaths {
  private final Path folder;
  private final JobRoot root;
  private final List<String> problems = new ArrayList<>();

  JobPaths(Path folder, JobRoot root) {
    this.folder = folder.toAbsolutePath().normalize();
    this.root = root;
  }

  JobDocument resolve(JobDocument document) {
    JobDocument resolved = RecordPaths.map(document, this::resolve);
    JobModel model = resolved.model();
    if (model != null && !model.isEmbedded() && !model.isHubName()) {
      resolved =
          resolved.with("model", model.at(resolve("model.location", path(model.location()))));
    }
    JobEvaluation evaluation = resolved.evaluation();
    if (evaluation != null && evaluation.evaluatorPath().isPresent()) {
      Path clip = path(evaluation.evaluatorPath().get());
      resolved =
          resolved.with(
              "evaluation", evaluation.evaluator(resolve("evaluation.evaluator", clip).toString()));
    }
    return resolved;
  }

  private Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(
          "must be a path, was '%s': %s".formatted(text, e.getReason()), e);
    }
  }

  private Path resolve(String key, Path path) {
    Path absolute = folder.resolve(path).normalize();
    if (!root.allows(absolute)) {
      problems.add("%s: must be within %s, was '%s'".formatted(key, root, path));
    }
    return absolute;
  }

  List<String> problems() {
    return problems;
  }
}
