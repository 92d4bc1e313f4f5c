DROP INDEX activations_sent;
