package dev.ablation.spark;

import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import java.io.Serializable;
import java.nio.file.Path;

/**
 * A job of a list, as Spark sends it: its text, never its model.
 *
 * @param hash of the job
 * @param json the job, with absolute paths
 * @param settings of the list
 */
record Task(String hash, String json, Settings settings) implements Serializable {

  /**
   * What all jobs of a list share.
   *
   * @param folder of the list, the same on every machine
   * @param list identifier in the folder, by which a machine sees that its folder is the shared one
   * @param library version that the driver has
   * @param imagesPerTask images of each model that a task draws
   * @param keepImages whether drawn images are kept for later runs
   */
  record Settings(String folder, String list, String library, int imagesPerTask, boolean keepImages)
      implements Serializable {
    Path path() {
      return Path.of(folder);
    }
  }

  AblationJob job() {
    return AblationJob.parse(json, "job " + hash, Path.of("/"), JobRoot.anywhere());
  }

  Path folder() {
    return settings.path();
  }

  /** The folder of the run, and then its evidence. */
  Path run() {
    return folder().resolve("jobs").resolve(hash);
  }

  Path trainedFile() {
    return folder().resolve("trained").resolve(hash + ".json");
  }

  /** Scores with the deltas of all jobs, next to the file of their sum. */
  Path togetherFile(String merged) {
    return Path.of(merged).resolveSibling(hash + ".json");
  }

  Path parts() {
    return folder().resolve("parts").resolve(hash);
  }
}
