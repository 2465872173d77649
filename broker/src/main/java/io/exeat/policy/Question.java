package io.exeat.policy;

import io.exeat.task.Grant;
import io.exeat.task.Task;

/** What is asked of policy: may this task have a credential for this grant, now. */
public record Question(Task task, Grant grant) {}
