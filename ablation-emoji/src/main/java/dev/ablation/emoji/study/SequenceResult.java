package dev.ablation.emoji.study;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What several removals left.
 *
 * @param method by which each was removed
 * @param way in which they followed each other
 * @param removed the targets, in the order of the requests
 * @param undone those of them that were taken out again
 * @param figures by the embedded evaluator
 * @param nearest by the second judge, the nearest image of the data set
 * @param cmmd of the images of what should stay from the base model's
 * @param seconds of all removals together
 * @param model hash of the base model's weights
 * @param evaluator hash of the evaluator's weights
 */
record SequenceResult(
    String method,
    SequenceWay way,
    List<String> removed,
    List<String> undone,
    Figures figures,
    Figures nearest,
    double cmmd,
    double seconds,
    String model,
    String evaluator) {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  /**
   * Shares from 0 to 1.
   *
   * @param gone of each target that is removed: of its prompts, how many no longer draw it
   * @param back of each target that was taken out again: of its prompts that name nothing removed
   *     and that the base model draws right, how many are right again
   * @param objects of the prompts that name nothing removed and whose object the base model draws
   *     right, how many are still right
   * @param styles the same of the style
   */
  record Figures(
      Map<String, Double> gone, Map<String, Double> back, double objects, double styles) {

    /** Counts. */
    static Figures of(
        List<StudyTarget> removed,
        List<StudyTarget> undone,
        List<Question> questions,
        List<Answer> base,
        List<Answer> ablated) {
      List<StudyTarget> away = removed.stream().filter(target -> !undone.contains(target)).toList();
      Predicate<Question> stays =
          question -> away.stream().noneMatch(target -> Scores.isOf(target, question));
      Map<String, Double> gone = new LinkedHashMap<>();
      for (StudyTarget target : away) {
        Share share = new Share();
        for (int i = 0; i < questions.size(); i++) {
          if (Scores.isOf(target, questions.get(i))) {
            share.add(!isRight(target, questions.get(i), ablated.get(i)));
          }
        }
        gone.put(target.toString(), share.value());
      }
      Map<String, Double> back = new LinkedHashMap<>();
      for (StudyTarget target : undone) {
        Share share = new Share();
        for (int i = 0; i < questions.size(); i++) {
          Question question = questions.get(i);
          if (Scores.isOf(target, question)
              && stays.test(question)
              && isRight(target, question, base.get(i))) {
            share.add(isRight(target, question, ablated.get(i)));
          }
        }
        back.put(target.toString(), share.value());
      }
      Share objects = new Share();
      Share styles = new Share();
      for (int i = 0; i < questions.size(); i++) {
        Question question = questions.get(i);
        if (stays.test(question)) {
          if (base.get(i).concept().equals(question.concept())) {
            objects.add(ablated.get(i).concept().equals(question.concept()));
          }
          if (base.get(i).style().equals(question.style())) {
            styles.add(ablated.get(i).style().equals(question.style()));
          }
        }
      }
      return new Figures(gone, back, objects.value(), styles.value());
    }

    private static boolean isRight(StudyTarget target, Question question, Answer answer) {
      return target.kind() == Kind.STYLE
          ? answer.style().equals(question.style())
          : answer.concept().equals(question.concept());
    }

    double meanGone() {
      return mean(gone);
    }

    double meanBack() {
      return mean(back);
    }

    /** The target that is drawn most often, and how often it is not. */
    Map.Entry<String, Double> leastGone() {
      return gone.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow();
    }

    private static double mean(Map<String, Double> shares) {
      return shares.values().stream().mapToDouble(share -> share).average().orElse(Double.NaN);
    }
  }

  /** Counts hits. */
  private static final class Share {
    private int hits;
    private int all;

    void add(boolean hit) {
      all++;
      hits += hit ? 1 : 0;
    }

    double value() {
      return all == 0 ? Double.NaN : (double) hits / all;
    }
  }

  static SequenceResult read(Path file) throws IOException {
    return FileReading.of(
        file,
        () -> {
          SequenceResult result = JSON.fromJson(TextFile.read(file), SequenceResult.class);
          if (result == null
              || result.method == null
              || result.way == null
              || result.removed == null
              || result.undone == null
              || result.figures == null
              || result.nearest == null) {
            throw new IOException(file + ": is not a result of the study of sequences");
          }
          return result;
        });
  }

  void save(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REPLACE, JSON.toJson(this) + "\n");
  }
}
