package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.Ablation;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.NearConcept;
import dev.ablation.job.AblationJob;
import dev.ablation.job.InvalidJobException;
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

/** Says what is wrong with a job. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    description = "Checks a job file against its model, as a run does before it begins.")
final class CheckCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private JobFileArgument file = new JobFileArgument();
  @Mixin private Output output = new Output();

  /** Those that the job has found by themselves. */
  private final List<NearConcept> neighbours = new ArrayList<>();

  @SuppressWarnings("NullAway.Init") // picocli fills it in
  CheckCommand() {}

  @Override
  public Integer call() throws IOException {
    List<String> problems = problems();
    JsonObject json = new JsonObject();
    json.addProperty("ok", problems.isEmpty());
    JsonArray list = new JsonArray();
    problems.forEach(list::add);
    json.add("problems", list);
    JsonArray found = new JsonArray();
    StringBuilder text = new StringBuilder();
    problems.forEach(problem -> text.append(problem).append(System.lineSeparator()));
    for (NearConcept near : neighbours) {
      JsonObject one = new JsonObject();
      one.addProperty("name", near.name());
      JsonObject distances = new JsonObject();
      near.distances().forEach(distances::addProperty);
      one.add("distances", distances);
      found.add(one);
      text.append("neighbour %s: %s%n".formatted(near.name(), near.words()));
    }
    json.add("neighbours", found);
    output.print(spec, json, (problems.isEmpty() ? "ok" + System.lineSeparator() : "") + text);
    return problems.isEmpty() ? ExitCode.OK : ExitCode.WRONG_USAGE;
  }

  private List<String> problems() throws IOException {
    try {
      AblationJob job = file.read();
      try (JobSession session = JobSession.open(job)) {
        Ablation plan = session.plan();
        Optional<Evaluation> evaluation = session.evaluation();
        evaluation.ifPresent(each -> neighbours.addAll(each.foundNeighbours()));
        return (evaluation.isPresent() ? plan.evaluate(evaluation.get()) : plan).check();
      }
    } catch (InvalidJobException e) {
      return e.problems();
    }
  }
}
