package dev.ablation.evaluation;

import dev.ablation.metric.Bootstrap;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** A metric that measures only subjects of some roles. */
record RestrictedMetric(SubjectMetric metric, Set<Role> roles) implements SubjectMetric {
  RestrictedMetric {
    Objects.requireNonNull(metric, "metric");
    roles = Set.copyOf(roles);
  }

  @Override
  public String name() {
    return metric.name();
  }

  @Override
  public boolean measures(Subject subject) {
    return roles.contains(subject.role()) && metric.measures(subject);
  }

  @Override
  public List<String> problems(List<Subject> subjects) {
    return metric.problems(subjects);
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    return metric.begin(subject, anchor, bootstrap);
  }
}
