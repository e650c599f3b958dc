"""Loss terms: functions of tensors, without knowledge of networks or data sets."""
