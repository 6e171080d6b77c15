package dev.ablation;

/** Runs the examples of how to evaluate. */
class EvaluationSnippetsTest extends EvaluationSnippets {}
