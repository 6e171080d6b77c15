package dev.ablation.archunit;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.CheckReturnValue;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaCodeUnitAccess;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaFieldAccess;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaMethod;
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
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
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

  /** Classes that write files of which nobody sees half, or that cannot be moved into place. */
  private static final Set<String> OWN_WRITERS =
      Set.of(
          // Into the fresh folder of AtomicFiles.writeFolder or another one that is moved.
          "dev.ablation.djl.FolderExport",
          "dev.ablation.djl.clip.Clip",
          "dev.ablation.djl.internal.pipeline.KeptFiles",
          "dev.ablation.emoji.ModelFiles",
          "dev.ablation.emoji.training.ModelFolder",
          // Into a temporary folder of their own.
          "dev.ablation.benchmarks.RandomCheckpoint",
          "dev.ablation.benchmarks.RealSizes",
          "dev.ablation.djl.internal.singlefile.DerivedFolder",
          "dev.ablation.djl.internal.singlefile.Tokenizers",
          "dev.ablation.testkit.CheckpointExportContract",
          // Under another name, moved when it is complete.
          "dev.ablation.djl.hub.BlobDownload",
          "dev.ablation.djl.hub.HubCache",
          // A log grows; a file of the kernel; the output of a build.
          "dev.ablation.listener.LogFile",
          "dev.ablation.memory.MemoryUse",
          "dev.ablation.site.Site");

  /** Classes that open channels that they could write to. */
  private static final Set<String> OWN_CHANNELS =
      Set.of(
          // AtomicFiles itself.
          "dev.ablation.internal.AtomicFiles",
          // Locks, which stay empty.
          "dev.ablation.checkpoint.RunFolder",
          "dev.ablation.internal.Unfinished",
          "dev.ablation.job.ledger.Ledger",
          "dev.ablation.spark.JobLock",
          "dev.ablation.spark.ModelPin",
          // A mapping whose changes stay in memory.
          "dev.ablation.safetensors.SafetensorsFile");

  /** The options of a channel that can write. */
  private static final Set<String> TO_WRITE =
      Set.of("APPEND", "CREATE", "CREATE_NEW", "TRUNCATE_EXISTING", "WRITE");

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

  /**
   * A lost result of a setter, as in {@code plan.seed(3);}, is an error of Error Prone. A setter
   * that changes the object itself says so by {@code @CanIgnoreReturnValue}.
   */
  @ArchTest
  public static final ArchRule RESULTS_OF_SETTERS_ARE_CHECKED =
      classes()
          .that(haveSetters())
          .should()
          .beAnnotatedWith(CheckReturnValue.class)
          .allowEmptyShould(true);

  /** A library logs through SLF4J and leaves the console to its user. */
  @ArchTest
  public static final ArchRule NO_JAVA_UTIL_LOGGING = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;

  /**
   * {@code TextFile} has the rule for byte order marks, line ends and other encodings. A file of
   * other text than UTF-8 is read with its charset.
   */
  @ArchTest
  public static final ArchRule TEXT_FILES_HAVE_ONE_READER =
      noClasses()
          .should()
          .callMethod(Files.class, "readString", Path.class)
          .orShould()
          .callMethod(Files.class, "readAllLines", Path.class)
          .orShould()
          .callMethod(Files.class, "lines", Path.class)
          .orShould()
          .callMethod(Files.class, "newBufferedReader", Path.class)
          .allowEmptyShould(true);

  /**
   * A file appears under its name when it is complete: {@code AtomicFiles} and what stands on it
   * write, and nothing else but {@link #OWN_WRITERS} and, by channels alone, {@link #OWN_CHANNELS}.
   */
  @ArchTest
  public static final ArchRule FILES_ARE_WRITTEN_ATOMICALLY =
      classes()
          .that(
              DescribedPredicate.describe(
                  "are not " + OWN_WRITERS, type -> !OWN_WRITERS.contains(outermost(type))))
          .should(notWriteInPlace())
          .allowEmptyShould(true);

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

  /**
   * Whether the internal packages of other modules that a module uses are the ones exported to it
   * by their {@code module-info}: no other, and none in vain.
   *
   * @param module the name of the module
   * @param classes its classes
   */
  public static void checkExportsOfInternals(String module, JavaClasses classes) {
    Set<String> own = new TreeSet<>();
    classes.forEach(type -> own.add(type.getPackageName()));
    Set<String> used = new TreeSet<>();
    for (JavaClass type : classes) {
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        String target = dependency.getTargetClass().getBaseComponentType().getPackageName();
        if (isInternal(target) && !own.contains(target)) {
          used.add(target);
        }
      }
    }
    Set<String> exported = new TreeSet<>();
    for (ModuleDescriptor descriptor : descriptors()) {
      for (ModuleDescriptor.Exports exports : descriptor.exports()) {
        if (exports.targets().contains(module)) {
          exported.add(exports.source());
        }
        assertThat(exports.isQualified() || !isInternal(exports.source()))
            .as("%s exports %s to named modules alone", descriptor.name(), exports.source())
            .isTrue();
      }
    }
    assertThat(used).as("internal packages that %s uses", module).isEqualTo(exported);
  }

  private static boolean isInternal(String packageName) {
    return packageName.startsWith("dev.ablation") && packageName.contains(".internal");
  }

  /** The descriptors of this project's modules on the class path. */
  private static List<ModuleDescriptor> descriptors() {
    List<ModuleDescriptor> found = new ArrayList<>();
    try {
      ClassLoader loader = HouseRules.class.getClassLoader();
      for (URL url : Collections.list(loader.getResources("module-info.class"))) {
        try (InputStream in = url.openStream()) {
          ModuleDescriptor descriptor = ModuleDescriptor.read(in);
          if (descriptor.name().startsWith("dev.ablation")) {
            found.add(descriptor);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(found).extracting(ModuleDescriptor::name).contains("dev.ablation.core");
    return found;
  }

  private static String outermost(JavaClass type) {
    return type.getEnclosingClass().map(HouseRules::outermost).orElseGet(type::getName);
  }

  private static ArchCondition<JavaClass> notWriteInPlace() {
    return new ArchCondition<>("write no file in place") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        boolean channels = !OWN_CHANNELS.contains(outermost(type)) && hasOptionsToWrite(type);
        for (JavaCodeUnitAccess<?> access : type.getCodeUnitAccessesFromSelf()) {
          CodeUnitAccessTarget called = access.getTarget();
          if (writesInPlace(called) || (channels && opensChannel(called))) {
            events.add(SimpleConditionEvent.violated(type, access.getDescription()));
          }
        }
      }
    };
  }

  private static boolean hasOptionsToWrite(JavaClass type) {
    return type.getFieldAccessesFromSelf().stream()
        .map(JavaFieldAccess::getTarget)
        .anyMatch(field ->
            field.getOwner().isEquivalentTo(StandardOpenOption.class)
                && TO_WRITE.contains(field.getName()));
  }

  private static boolean opensChannel(CodeUnitAccessTarget called) {
    return switch (called.getOwner().getName()) {
      case "java.nio.channels.FileChannel", "java.nio.channels.AsynchronousFileChannel" ->
          called.getName().equals("open");
      case "java.nio.file.Files" -> called.getName().equals("newByteChannel");
      default -> false;
    };
  }

  private static boolean writesInPlace(CodeUnitAccessTarget called) {
    List<String> parameters =
        called.getRawParameterTypes().stream().map(JavaClass::getName).toList();
    return switch (called.getOwner().getName()) {
      case "java.nio.file.Files" ->
          switch (called.getName()) {
            case "write", "writeString", "newOutputStream", "newBufferedWriter" -> true;
            case "copy" -> parameters.get(1).equals(Path.class.getName());
            default -> false;
          };
      case "java.net.http.HttpResponse$BodyHandlers",
          "java.net.http.HttpResponse$BodySubscribers" ->
          called.getName().startsWith("ofFile");
      case "java.io.FileOutputStream", "java.io.FileWriter", "java.io.RandomAccessFile" ->
          called.getName().equals(JavaConstructor.CONSTRUCTOR_NAME);
      case "java.io.PrintWriter", "java.io.PrintStream", "java.util.Formatter" ->
          called.getName().equals(JavaConstructor.CONSTRUCTOR_NAME)
              && !parameters.isEmpty()
              && Set.of(File.class.getName(), String.class.getName()).contains(parameters.get(0));
      case "javax.imageio.ImageIO" ->
          called.getName().equals("write") && parameters.contains(File.class.getName());
      default -> false;
    };
  }

  private static DescribedPredicate<JavaClass> haveSetters() {
    return DescribedPredicate.describe(
        "are public, final and have methods that return a changed copy",
        type ->
            isVisible(type)
                && !isInternal(type.getPackageName())
                && type.getModifiers().contains(JavaModifier.FINAL)
                && type.getMethods().stream().anyMatch(method -> isSetter(type, method)));
  }

  private static boolean isSetter(JavaClass type, JavaMethod method) {
    return method.getModifiers().contains(JavaModifier.PUBLIC)
        && !method.getModifiers().contains(JavaModifier.STATIC)
        && !method.getRawParameterTypes().isEmpty()
        && method.getRawReturnType().equals(type)
        && !method.isAnnotatedWith(CanIgnoreReturnValue.class);
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
