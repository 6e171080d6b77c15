package dev.ablation.job;

import dev.ablation.job.ledger.Ledger;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The examples of the documentation, which compile here. */
final class Snippets {
  private Snippets() {}

  static AblationJob job() {
    // @start region="job"
    AblationJob job =
        AblationJob.of(JobModel.embedded(), List.of(JobTarget.of("blueprint")))
            .request("TR-2041")
            .acceptance(List.of(AcceptanceLimit.parse("UA >= 95")));
    // @end
    return job;
  }

  static boolean run(AblationJob job, Path folder) throws IOException {
    // @start region="run"
    JobResult result = JobRun.of(job, folder).run();
    boolean accepted = result.accepted();
    // @end
    return accepted;
  }

  static void ledger(Path file, Path folder) throws IOException {
    // @start region="ledger"
    EvidenceBundle bundle = EvidenceBundle.open(folder);
    try (Ledger ledger = Ledger.open(file, bundle.baseSha256())) {
      ledger.add("TR-2041", folder, bundle.deltaSha256(), bundle.targets());
    }
    // @end
  }

  static List<String> together(Path ledger, DiffusionModel model) throws IOException {
    // @start region="together"
    List<TogetherResult> found = Removals.of(ledger).evaluate(model, step -> {}, () -> false);
    List<String> back =
        found.stream().filter(TogetherResult::comesBack).map(TogetherResult::request).toList();
    // @end
    return back;
  }
}
