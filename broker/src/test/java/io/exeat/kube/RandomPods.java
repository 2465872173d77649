package io.exeat.kube;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Random;

/** Pods of many shapes, most of them right, some of them hostile. */
final class RandomPods {
  private RandomPods() {}

  static ObjectNode next(Random random) {
    ObjectNode pod = Pods.plain();
    ObjectNode spec = pod.withObject("/spec");
    ArrayNode containers = (ArrayNode) spec.get("containers");
    int more = random.nextInt(4);
    for (int i = 0; i < more; i++) {
      ObjectNode container = containers.addObject().put("name", "c" + i).put("image", "i:" + i);
      if (random.nextBoolean()) {
        container
            .putObject("securityContext")
            .put("runAsUser", random.nextInt(8) == 0 ? 7 : 10_001);
      }
      if (random.nextInt(4) == 0) {
        mount(container, "data", "/data");
      }
      if (random.nextInt(12) == 0) {
        mount(container, "token", "/token");
      }
    }
    if (more > 0 && random.nextInt(10) > 0) {
      String names = random.nextBoolean() ? "main" : "c0,main";
      InjectionTest.annotate(pod, "exeat.io/containers", names);
    }
    if (random.nextBoolean()) {
      spec.putObject("securityContext").put("runAsUser", 10_001).put("fsGroup", 7);
    }
    if (random.nextInt(3) == 0) {
      spec.withObject("/securityContext").putArray("supplementalGroups").add(5);
    }
    if (random.nextInt(3) == 0) {
      ((ObjectNode) containers.get(0)).remove("securityContext");
    }
    if (random.nextBoolean()) {
      spec.putArray("initContainers").addObject().put("name", "setup").put("image", "s:1");
    }
    ArrayNode volumes = spec.putArray("volumes");
    volumes.addObject().put("name", "data").putObject("emptyDir");
    volumes
        .addObject()
        .put("name", "token")
        .putObject("projected")
        .putArray("sources")
        .addObject()
        .putObject("serviceAccountToken")
        .put("path", "t");
    if (random.nextBoolean()) {
      volumes.addObject().put("name", "kube-api-access-abcde").putObject("projected");
      containers.forEach(it ->
          mount(
              (ObjectNode) it,
              "kube-api-access-abcde",
              "/var/run/secrets/kubernetes.io/serviceaccount"));
    }
    if (random.nextInt(3) == 0) {
      ((ObjectNode) containers.get(0))
          .putArray("env")
          .addObject()
          .put("name", "A~/b")
          .put("value", "$(HOME)");
    }
    if (random.nextInt(20) == 0) {
      spec.put("hostNetwork", true);
    }
    return pod;
  }

  private static void mount(ObjectNode container, String volume, String path) {
    container.withArray("/volumeMounts").addObject().put("name", volume).put("mountPath", path);
  }
}
