package dev.ablation.emoji.study;

import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.StudyTarget.Kind;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * Shares of images, from 0 to 1, in UnlearnCanvas' terms (Zhang et al. 2024, arXiv 2402.11846,
 * section 4).
 *
 * @param unlearning UA: of the target's prompts, how many no longer draw the target
 * @param inDomain IRA: of the other prompts whose style (for an object: object) the base model
 *     draws right, how many are still right
 * @param crossDomain CRA: of all prompts whose object (for an object: style) the base model draws
 *     right, how many are still right
 * @param baseInDomain share of the other prompts that the base model draws right
 * @param ablatedInDomain share of the other prompts that the ablated model draws right
 * @param baseCrossDomain the same of the other domain
 * @param ablatedCrossDomain the same of the other domain
 */
record Scores(
    double unlearning,
    double inDomain,
    double crossDomain,
    double baseInDomain,
    double ablatedInDomain,
    double baseCrossDomain,
    double ablatedCrossDomain) {

  /**
   * Counts. Of the planted image the target's prompts are its caption's, "in domain" are the
   * objects and "cross domain" the styles.
   *
   * @param questions those of the answer set
   * @param base what the base model's images of them show
   * @param ablated what the ablated model's images show
   * @param copies what the ablated model's images of the planted caption show; looked at for the
   *     planted image alone
   */
  static Scores of(
      StudyTarget target,
      List<Question> questions,
      List<Answer> base,
      List<Answer> ablated,
      List<Answer> copies) {
    BiPredicate<Question, Answer> own =
        target.kind() == Kind.STYLE ? Scores::hasStyle : Scores::showsConcept;
    BiPredicate<Question, Answer> other =
        target.kind() == Kind.STYLE ? Scores::showsConcept : Scores::hasStyle;
    int asked = 0;
    int gone = 0;
    Tally in = new Tally();
    Tally cross = new Tally();
    for (int i = 0; i < questions.size(); i++) {
      Question question = questions.get(i);
      if (isOf(target, question)) {
        asked++;
        gone += own.test(question, ablated.get(i)) ? 0 : 1;
      } else {
        in.add(own.test(question, base.get(i)), own.test(question, ablated.get(i)));
      }
      cross.add(other.test(question, base.get(i)), other.test(question, ablated.get(i)));
    }
    if (target.kind() == Kind.PLANTED) {
      asked = copies.size();
      gone = (int) copies.stream().filter(answer -> !answer.planted()).count();
    }
    return new Scores(
        asked == 0 ? 0 : (double) gone / asked,
        in.kept(),
        cross.kept(),
        in.base(),
        in.ablated(),
        cross.base(),
        cross.ablated());
  }

  private static boolean hasStyle(Question question, Answer answer) {
    return answer.style().equals(question.style());
  }

  private static boolean showsConcept(Question question, Answer answer) {
    return answer.concept().equals(question.concept());
  }

  static boolean isOf(StudyTarget target, Question question) {
    return switch (target.kind()) {
      case STYLE -> question.style().equals(target.name());
      case INSTANCE -> question.concept().equals(target.name());
      case PLANTED -> false;
    };
  }

  /** Counts right images. */
  private static final class Tally {
    private int all;
    private int base;
    private int ablated;
    private int both;

    void add(boolean rightBefore, boolean rightAfter) {
      all++;
      base += rightBefore ? 1 : 0;
      ablated += rightAfter ? 1 : 0;
      both += rightBefore && rightAfter ? 1 : 0;
    }

    double kept() {
      return base == 0 ? 0 : (double) both / base;
    }

    double base() {
      return (double) base / all;
    }

    double ablated() {
      return (double) ablated / all;
    }
  }
}
