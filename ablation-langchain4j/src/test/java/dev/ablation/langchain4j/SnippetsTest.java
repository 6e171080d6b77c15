package dev.ablation.langchain4j;

/** Runs the examples of the Javadoc. */
class SnippetsTest extends Snippets {}
