package dev.ablation.archunit;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.domain.JavaTypeVariable;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.NullMarked;

/**
 * Rules for the main code of every module. A module runs them by {@code @ArchTest ArchTests
 * ArchTests.in(HouseRules.class)} in a class with {@code @AnalyzeClasses}.
 */
public final class HouseRules {
  private HouseRules() {}

  /** Dependencies between packages, each package taken by itself, make no cycle. */
  @ArchTest
  public static final ArchRule PACKAGES_ARE_FREE_OF_CYCLES =
      slices().assignedFrom(eachPackage()).should().beFreeOfCycles();

  /** Guava is a tool of the implementation: a user never has to name one of its types. */
  @ArchTest
  public static final ArchRule NO_GUAVA_TYPE_IN_A_PUBLIC_SIGNATURE =
      classes()
          .that(arePartOfTheInterface())
          .should(
              notNameInTheirSignature(
                  "a Guava type", JavaClass.Predicates.resideInAPackage("com.google.common..")))
          .allowEmptyShould(true);

  /** What lives in an {@code internal} package cannot be reached through a public type. */
  @ArchTest
  public static final ArchRule NO_INTERNAL_TYPE_IN_A_PUBLIC_SIGNATURE =
      classes()
          .that(arePartOfTheInterface())
          .should(
              notNameInTheirSignature(
                  "an internal type",
                  JavaClass.Predicates.resideInAPackage("dev.ablation..internal..")))
          .allowEmptyShould(true);

  /** Every package says what it holds and that null is the exception. */
  @ArchTest
  public static final ArchRule EVERY_PACKAGE_IS_NULL_MARKED =
      classes().should(liveInANullMarkedPackage());

  /** A library logs through SLF4J and leaves the console to its user. */
  @ArchTest
  public static final ArchRule NO_JAVA_UTIL_LOGGING = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;

  /** For libraries; a command line may print. */
  public static final ArchRule NO_CONSOLE = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

  /**
   * For the modules above core: core's internal types stay inside of core but for a list.
   *
   * @param exported simple names of the types that the module may use
   * @return the rule
   */
  public static ArchRule usesOfCoresInternalsOnly(String... exported) {
    Set<String> allowed = new TreeSet<>();
    for (String name : exported) {
      allowed.add("dev.ablation.internal." + name);
    }
    DescribedPredicate<JavaClass> banned =
        DescribedPredicate.describe(
            "are internal types of core other than " + List.of(exported),
            type ->
                type.getPackageName().startsWith("dev.ablation.internal")
                    && allowed.stream()
                        .noneMatch(name ->
                            type.getName().equals(name) || type.getName().startsWith(name + "$")));
    return noClasses().should().dependOnClassesThat(banned);
  }

  private static SliceAssignment eachPackage() {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
        return SliceIdentifier.of(javaClass.getPackageName());
      }

      @Override
      public String getDescription() {
        return "packages";
      }
    };
  }

  private static DescribedPredicate<JavaClass> arePartOfTheInterface() {
    return DescribedPredicate.describe(
        "are part of the interface",
        javaClass -> isVisible(javaClass) && !javaClass.getPackageName().contains(".internal"));
  }

  /** Whether user code can name the class: it and all classes around it are public or protected. */
  private static boolean isVisible(JavaClass javaClass) {
    return isVisible(javaClass.getModifiers())
        && javaClass.getEnclosingClass().map(HouseRules::isVisible).orElse(true);
  }

  private static boolean isVisible(Set<JavaModifier> modifiers) {
    return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
  }

  private static ArchCondition<JavaClass> notNameInTheirSignature(
      String what, DescribedPredicate<JavaClass> banned) {
    return new ArchCondition<>("not name " + what + " in their signature") {
      private final Set<String> found = new TreeSet<>();

      @Override
      public void check(JavaClass javaClass, ConditionEvents events) {
        javaClass.getSuperclass().ifPresent(type -> checkType(javaClass.getFullName(), type));
        javaClass.getInterfaces().forEach(type -> checkType(javaClass.getFullName(), type));
        checkBounds(javaClass.getFullName(), javaClass.getTypeParameters());
        for (JavaMember member : javaClass.getMembers()) {
          if (!isVisible(member.getModifiers())) {
            continue;
          }
          if (member instanceof JavaField field) {
            checkType(field.getFullName(), field.getType());
          } else if (member instanceof JavaCodeUnit code) {
            checkType(code.getFullName(), code.getReturnType());
            code.getParameterTypes().forEach(type -> checkType(code.getFullName(), type));
            code.getExceptionTypes().forEach(type -> checkType(code.getFullName(), type));
            checkBounds(code.getFullName(), code.getTypeParameters());
          }
        }
        found.forEach(message -> events.add(SimpleConditionEvent.violated(javaClass, message)));
        found.clear();
      }

      private void checkBounds(
          String place, Iterable<? extends JavaTypeVariable<?>> typeParameters) {
        Consumer<JavaType> check = type -> checkType(place, type);
        typeParameters.forEach(parameter -> parameter.getUpperBounds().forEach(check));
      }

      private void checkType(String place, JavaType type) {
        for (JavaClass raw : type.getAllInvolvedRawTypes()) {
          if (banned.test(raw.getBaseComponentType())) {
            found.add(place + " names " + raw.getName());
          }
        }
      }
    };
  }

  private static ArchCondition<JavaClass> liveInANullMarkedPackage() {
    return new ArchCondition<>("live in a package with a package-info that is @NullMarked") {
      @Override
      public void check(JavaClass javaClass, ConditionEvents events) {
        if (!javaClass.getPackage().isAnnotatedWith(NullMarked.class)) {
          events.add(
              SimpleConditionEvent.violated(
                  javaClass,
                  javaClass.getName()
                      + " lives in a package without a package-info that is @NullMarked"));
        }
      }
    };
  }
}
