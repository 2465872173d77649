package io.exeat.task;

/** Where in a workflow an act stands: each kind of tool is one, from looking to changing. */
public enum Step {
  PLAN,
  RETRIEVE,
  EXECUTE,
  ADMINISTER
}
