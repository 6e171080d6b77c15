/** The pages and the Javadoc of all modules as a web site. */
@NullMarked
package dev.ablation.site;

import org.jspecify.annotations.NullMarked;
