package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.Ablation;
import dev.ablation.Estimate;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Says what a job takes. */
@Command(
    name = "estimate",
    mixinStandardHelpOptions = true,
    description =
        "Estimates time and memory of a job: counts weights, images and forward passes, and"
            + " measures a few training steps.")
final class EstimateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private JobFileArgument file = new JobFileArgument();
  @Mixin private Output output = new Output();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  EstimateCommand() {}

  @Override
  public Integer call() throws IOException {
    AblationJob job = file.read();
    try (JobSession session = JobSession.open(job)) {
      Ablation plan = session.plan();
      Optional<Evaluation> evaluation = session.evaluation();
      Estimate estimate =
          (evaluation.isPresent() ? plan.evaluate(evaluation.get()) : plan).estimate();
      List<String> problems = new ArrayList<>(estimate.problems());
      job.limits().ifPresent(limits -> problems.addAll(JobRun.beyondLimits(estimate, limits)));
      output.print(spec, json(estimate, problems), text(estimate, problems));
      return problems.isEmpty() ? ExitCode.OK : ExitCode.WRONG_USAGE;
    }
  }

  private static String text(Estimate estimate, List<String> problems) {
    StringBuilder text = new StringBuilder();
    text.append(estimate).append(System.lineSeparator());
    problems.stream()
        .filter(problem -> !estimate.problems().contains(problem))
        .forEach(
            problem -> text.append("problem: ").append(problem).append(System.lineSeparator()));
    return text.toString();
  }

  private static JsonObject json(Estimate estimate, List<String> problems) {
    JsonObject json = new JsonObject();
    JsonArray list = new JsonArray();
    problems.forEach(list::add);
    json.add("problems", list);
    JsonArray warnings = new JsonArray();
    estimate.warnings().forEach(warnings::add);
    json.add("warnings", warnings);
    json.addProperty("trainedNumbers", estimate.trained().numbers());
    json.addProperty("deltaBytes", estimate.trained().deltaBytes());
    json.addProperty("anchorImages", estimate.anchorImages());
    json.addProperty("trainingSteps", estimate.steps());
    json.addProperty("evaluationImages", estimate.evaluationImages());
    estimate
        .attackTime()
        .ifPresent(time -> {
          JsonObject attacks = new JsonObject();
          attacks.addProperty("forwardPasses", estimate.attackCost().forwardPasses());
          attacks.addProperty("gradientPasses", estimate.attackCost().gradientPasses());
          attacks.addProperty("texts", estimate.attackCost().texts());
          attacks.addProperty("seconds", time.toNanos() / 1e9);
          json.add("attacks", attacks);
        });
    json.addProperty("stateBytes", estimate.stateBytes());
    estimate
        .peakMemory()
        .ifPresent(peak -> {
          JsonObject memory = new JsonObject();
          memory.addProperty("of", peak.ofDevice() ? "device" : "process");
          memory.addProperty("bytes", peak.bytes());
          memory.addProperty("atStart", peak.atStart());
          memory.addProperty("measured", peak.measured());
          memory.addProperty("computed", peak.computed());
          json.add("peakMemory", memory);
        });
    estimate.time().ifPresent(time -> json.addProperty("seconds", time.toNanos() / 1e9));
    return json;
  }
}
