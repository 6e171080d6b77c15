/**
 * Anchor prompts from chat models, as the paper takes them (Kumari et al. 2023, section 4: captions
 * for objects, paraphrases for memorised images). {@link dev.ablation.langchain4j.ChatPrompts} is
 * the {@link dev.ablation.anchor.PromptSource}; the chat model is any of LangChain4j's.
 *
 * <p>Whatever speaks OpenAI's protocol is reached by {@code dev.langchain4j:langchain4j-open-ai},
 * which a user adds to the build. A hosted service:
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="hosted"}
 *
 * <p>A server on one's own machine (llama.cpp, Ollama, vLLM, LM Studio and others) differs in the
 * base URL alone, which ends before {@code /chat/completions}; most such servers ignore the key:
 *
 * {@snippet class="dev.ablation.langchain4j.Snippets" region="local"}
 *
 * <p>No prompt leaves the machine unless the chat model sends it.
 */
@NullMarked
package dev.ablation.langchain4j;

import org.jspecify.annotations.NullMarked;
